"""A Jaeger is read whole, page by page, and says in one line if it cannot be."""

from __future__ import annotations

import re
import urllib.request
import uuid
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from support.waiting import until

from otel_eda import cli
from otel_eda.diagnosis import UnusableError
from otel_eda.diagnosis.sources import jaeger as source
from otel_eda.diagnosis.sources.files import Files
from otel_eda.diagnosis.sources.jaeger import at_url
from otel_eda.diagnosis.sources.selection import Selection
from otel_eda.diagnosis.store import Store

from .telemetry import BEGIN, SECOND, flow

if TYPE_CHECKING:
    from pathlib import Path

    from brokers.jaeger import Jaeger

    from otel_eda.diagnosis.store import Source

SINCE = datetime.fromtimestamp(BEGIN // SECOND, timezone.utc) - timedelta(minutes=1)
UNTIL = SINCE + timedelta(minutes=5)
ANY = Selection()


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
    assert cli.main(["diagnose", url, *services, *window, "--fail-on", "LIKELY"]) == 1
    out, _ = capsys.readouterr()
    assert "EDA104  LIKELY" in out


def asked(url: str) -> bytes:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as answer:
        return bytes(answer.read())


def rows(*sources: Source) -> list[tuple[Any, ...]]:
    with Store() as store:
        store.read(sources)
        names = "trace_id, span_id, parent_id, service, type, started, ended, outcome, error_text, message_offset"
        return store.ask(f"SELECT {names}, origin_span FROM operations ORDER BY ALL")


WINDOW = {"start": round(SINCE.timestamp() * 1e6), "end": round(UNTIL.timestamp() * 1e6)}
RFC3339 = {"query.start_time_min": SINCE.isoformat(), "query.start_time_max": UNTIL.isoformat()}


def test_what_its_apis_and_its_pages_give_as_a_file_is_read_as_it_is(
    filled: tuple[str, list[str], int], tmp_path: Path
) -> None:
    url, names, _ = filled
    expected = rows(source.Jaeger(url, names, SINCE, UNTIL))
    for number, name in enumerate(names):
        old = urlencode({"service": name, "limit": 1000, **WINDOW})
        (tmp_path / f"old-{number}.json").write_bytes(asked(f"{url}/api/traces?{old}"))
        new = urlencode({"query.service_name": name, "query.num_traces": 1000, **RFC3339})
        (tmp_path / f"new-{number}.json").write_bytes(asked(f"{url}/api/v3/traces?{new}"))
    for kind in ("old", "new"):
        assert rows(Files(str(tmp_path / f"{kind}-*.json"))) == expected


def test_the_address_of_a_page_is_read_as_what_it_shows(filled: tuple[str, list[str], int]) -> None:
    url, (shop, billing), spans = filled
    everything = rows(at_url(f"{url}/search?{urlencode({'service': billing, 'lookback': 'custom', **WINDOW})}", ANY))
    assert len(everything) == spans - 1  # a trace of the shop's alone has no part in it
    trace = everything[0][0]
    for page in (f"trace/{trace}", f"trace/{trace}?uiFind=x", f"api/traces/{trace}", f"api/v3/traces/{trace}"):
        assert {row[0] for row in rows(at_url(f"{url}/{page}", ANY))} == {trace}
    of_shop = Selection([shop], SINCE, UNTIL)
    assert rows(at_url(f"{url}/search", of_shop)) == rows(at_url(url, of_shop))


def test_what_a_page_does_not_have_is_said(filled: tuple[str, list[str], int]) -> None:
    url, (shop, _), _ = filled
    for page, selection, why in (
        (f"{url}/trace/{'1' * 32}", ANY, f"it has no trace {'1' * 32}"),
        (url, Selection([f"{shop}x"]), f"there is no service {shop}x; there is {shop}, "),
        (url, Selection([shop], UNTIL, UNTIL + timedelta(1)), "it has no traces of "),
    ):
        with pytest.raises(UnusableError, match=re.escape(f"{url}: {why}")):
            rows(at_url(page, selection))


def test_one_that_does_not_answer_is_said() -> None:
    with pytest.raises(UnusableError, match=r"^http://127\.0\.0\.1:1: no Jaeger answers: Connection refused$"):
        read("http://127.0.0.1:1", [])


def test_a_time_without_traces_is_said(jaeger: Jaeger) -> None:
    with Store() as store, pytest.raises(UnusableError):
        store.read([source.Jaeger(jaeger.query, ["nobody"], SINCE, UNTIL)])
