"""`--service`, `--since` and `--until` choose from files as from a Jaeger; what was left out is not missing."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from otel_eda import cli
from otel_eda.diagnosis import UnusableError, catalog, engine, narrowing
from otel_eda.diagnosis.settings import Bounds
from otel_eda.diagnosis.sources.files import Files
from otel_eda.diagnosis.sources.selection import Selection
from otel_eda.diagnosis.store import Store

from .telemetry import BEGIN, SECOND, Flow, flow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIRST = datetime.fromtimestamp(BEGIN // SECOND, timezone.utc)


def at(seconds: float) -> datetime:
    return FIRST + timedelta(seconds=seconds)


@pytest.fixture
def made() -> Flow:
    """Orders from second 0 to 4 and again from 20 on; the order of second 1.2 is lost."""
    found = flow(40, 1, skip={12})
    found.billing.process(found.messages[12], 1.21, error="KeyError")
    for turn in range(20):
        message = found.shop.send("orders", 20 + turn / 10, 40 + turn)
        found.billing.process(message, 20.01 + turn / 10)
        found.billing.commit("orders", 20.02 + turn / 10, 41 + turn)
    other = found.world.service("mail")
    other.send("mails", 5.0, 0)
    other.other("still here", 60.0, 0.01)
    return found


def selected(store: Store, path: Path, **selection: Any) -> Iterator[tuple[str, str]]:
    store.read([Files(str(path))])
    narrowing.apply(store, Selection(**selection))
    found = engine.diagnose(store, catalog.checks(), Bounds(grace=1.0))
    yield from ((finding.code, finding.verdict.name) for finding in found.findings)


def diagnosed(made: Flow, folder: Path, **selection: Any) -> list[tuple[str, str]]:
    with Store() as store:
        return list(selected(store, made.world.write(folder), **selection))


def test_everything_is_diagnosed_without_a_selection(made: Flow, tmp_path: Path) -> None:
    found = diagnosed(made, tmp_path)
    assert ("EDA104", "CONFIRMED") in found
    assert {code for code, _ in found} == {"EDA104", "EDA107"}


def test_a_service_is_diagnosed_with_all_that_its_destinations_have(made: Flow, tmp_path: Path) -> None:
    for service in ("billing", "shop"):
        assert diagnosed(made, tmp_path, services=[service]) == [("EDA104", "CONFIRMED")]
    assert [code for code, _ in diagnosed(made, tmp_path, services=["mail"])] == ["EDA107"]


@pytest.mark.parametrize(
    ("since", "until", "codes"),
    [
        (0.5, None, {"EDA104", "EDA107"}),
        (0.0, 3.0, {"EDA104"}),
        (10.0, None, set()),
        (2.0, 3.5, set()),
        (None, 1.0, set()),
    ],
)
def test_only_a_time_is_diagnosed_and_what_is_beyond_it_is_not_missing(
    made: Flow, tmp_path: Path, since: float | None, until: float | None, codes: set[str]
) -> None:
    window = {name: at(time) for name, time in (("since", since), ("until", until)) if time is not None}
    assert {code for code, _ in diagnosed(made, tmp_path, **window)} == codes


def test_a_service_that_is_not_there_is_answered_with_those_that_are(made: Flow, tmp_path: Path) -> None:
    with pytest.raises(UnusableError, match=r"^there is no service biling; there is billing, mail, shop$"):
        diagnosed(made, tmp_path, services=["shop", "biling"])


def test_a_time_in_which_nothing_was_is_said(made: Flow, tmp_path: Path) -> None:
    with pytest.raises(UnusableError, match="there is no telemetry of that time"):
        diagnosed(made, tmp_path, since=at(-100), until=at(-50))
    with pytest.raises(UnusableError, match="--since must be before --until"):
        Selection(since=at(1), until=at(1))


def test_the_command_line_has_it(made: Flow, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(made.world.write(tmp_path))
    assert cli.main(["diagnose", path, "--grace", "1s", "--since", at(10).isoformat()]) == 0
    assert "nothing found" in capsys.readouterr().out
    assert cli.main(["diagnose", path, "--service", "nobody"]) == 2
    assert cli.main(["sql", path, "select count(*) from operations", "--service", "mail"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2"
