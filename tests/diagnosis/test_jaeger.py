"""A Jaeger is read whole, page by page, and says in one line if it cannot be."""

from __future__ import annotations

import urllib.request
import uuid
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from support.waiting import until

from otel_eda import cli
from otel_eda.diagnosis import UnusableError
from otel_eda.diagnosis.sources import jaeger as source
from otel_eda.diagnosis.store import Store

from .telemetry import BEGIN, SECOND, flow

if TYPE_CHECKING:
    from brokers.jaeger import Jaeger

SINCE = datetime.fromtimestamp(BEGIN // SECOND, timezone.utc) - timedelta(minutes=1)
UNTIL = SINCE + timedelta(minutes=5)


@pytest.fixture
def filled(jaeger: Jaeger) -> tuple[str, list[str], int]:
    """Give a Jaeger's URL with a flow in it, the names of the flow's services, and how many spans they have."""
    made = flow(40, 2, skip={12}, seed=uuid.uuid4().int)
    made.billing.process(made.messages[12], 1.21, error="KeyError")
    tag = uuid.uuid4().hex[:8]
    for service in made.world.services:
        service.name = f"{service.name}-{tag}"
    made.world.metrics = False
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for line in made.world.lines():
        request = urllib.request.Request(  # noqa: S310  # the tests' own
            f"{jaeger.otlp_http}/v1/traces", line.encode(), {"Content-Type": "application/json"}
        )
        opener.open(request, timeout=10).close()
    names = [service.name for service in made.world.services]
    spans = sum(len(service.spans) for service in made.world.services)
    until(lambda: sum(len(jaeger.find(name, SINCE, UNTIL)) for name in names) >= spans, "all spans")
    return jaeger.query, names, spans


def read(url: str, names: list[str]) -> Store:
    with Store() as store:
        store.read([source.Jaeger(url, names, SINCE, UNTIL)])
        return store


@pytest.mark.parametrize("depth", [source.MOST_TRACES, 7])
def test_is_read_whole(filled: tuple[str, list[str], int], monkeypatch: pytest.MonkeyPatch, depth: int) -> None:
    url, names, spans = filled
    monkeypatch.setattr(source, "MOST_TRACES", depth)
    intake = read(url, names).intake
    assert (intake.spans, intake.repeated) == (spans, 0)  # though each trace is in the answers of all of its services


def test_is_diagnosed(filled: tuple[str, list[str], int], capsys: pytest.CaptureFixture[str]) -> None:
    url, names, _ = filled
    services = [option for name in names for option in ("--service", name)]
    window = ["--since", SINCE.isoformat(), "--until", UNTIL.isoformat()]
    assert cli.main(["diagnose", url, *services, *window, "--fail-on", "SUSPECT"]) == 1
    out, _ = capsys.readouterr()
    assert "EDA104  SUSPECT" in out


def test_one_that_does_not_answer_is_said() -> None:
    with pytest.raises(UnusableError, match=r"^http://127\.0\.0\.1:1: no Jaeger answers: [^\n]*$"):
        read("http://127.0.0.1:1", [])


def test_a_time_without_traces_is_said(jaeger: Jaeger) -> None:
    with Store() as store, pytest.raises(UnusableError):
        store.read([source.Jaeger(jaeger.query, ["nobody"], SINCE, UNTIL)])
