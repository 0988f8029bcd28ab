"""What is known of clients that take no attributes, as those made in C do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.recorder import Recorder, recording

from core.clients.callback_client import Client, Heard, use
from otel_eda.core.clients.instances import existing_client

if TYPE_CHECKING:
    from otel_eda.core import Library


@pytest.fixture(autouse=True)
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    return use(monkeypatch)


@pytest.mark.parametrize("own", [False, True])
def test_partitions_that_callbacks_report_are_known(recorder: Recorder, own: bool) -> None:
    client, heard = Client(), Heard()
    client.subscribe(heard, lost=heard) if own else client.subscribe()
    gained, lost = client._listener
    gained(1)
    if own:
        gained(2)
        lost(2)
    kept = existing_client(client)
    assert kept is not None
    assert kept.assignment.partitions == {("orders", "1")}
    assert kept.assignment_count == (3 if own else 1)
    assert heard.told == ([(1,), (2,), (2,)] if own else [])


def test_another_client_in_the_place_of_one_has_its_own_state(recorder: Recorder) -> None:
    seen = set()
    for _ in range(50):
        client = Client()
        kept = existing_client(client)
        assert kept is not None
        assert not kept.assignment_count
        kept.record_reassignment()
        seen.add(id(kept))
        del client, kept
    assert seen


def test_switched_off_nothing_is_known_of_a_client() -> None:
    with recording():
        client = Client()
        assert existing_client(client) is not None
    assert existing_client(client) is None
