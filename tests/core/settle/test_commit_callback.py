"""Commits whose answer comes by a callback, to clients that are made in C."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.spans import attribute

from core.clients.callback_client import Client, Heard, use

if TYPE_CHECKING:
    from support.recorder import Recorder

    from otel_eda.core import Library

ERROR = "error.type"
CASES = "eda.commits"


@pytest.fixture(autouse=True)
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    return use(monkeypatch)


def test_the_answer_to_a_commit_ends_the_first_that_waits_for_it(recorder: Recorder) -> None:
    client = Client()
    client.commit({("orders", "0"): 5})
    client.commit()
    assert len(recorder.open("settle")) == 2
    client.answer_commits(None, {("orders", "0"): 9})
    first, second = recorder.settles(2)
    assert [attribute(span, "eda.commit.offset") for span in (first, second)] == [5, 1]
    automatic = [(point.attributes or {}).get("eda.commit.automatic") for point in recorder.points(CASES)]
    assert sorted(map(bool, automatic)) == [False, True]


def test_the_applications_own_callback_for_commits_is_called(recorder: Recorder) -> None:
    heard = Heard()
    client = Client(on_commit=heard)
    client.commit()
    client.answer_commits("refused")
    assert heard.told == [("refused", {("orders", "0"): 1})]
    assert attribute(recorder.settles(1)[0], ERROR) == "RuntimeError"


def test_a_commit_nobody_answers_is_unresolved(recorder: Recorder) -> None:
    client = Client()
    client.commit()
    client.close()
    assert attribute(recorder.settles(1)[0], ERROR) == "eda.unresolved"
