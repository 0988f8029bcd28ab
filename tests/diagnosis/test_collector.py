"""What a real Collector writes into files is diagnosed like what was sent to it."""

from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING

import pytest
from support.waiting import until

from otel_eda.diagnosis import UnusableError
from otel_eda.diagnosis.sources.files import Files
from otel_eda.diagnosis.store import Store

from .conftest import diagnosed
from .telemetry import BEGIN, SECOND, flow, pairs, scoped

if TYPE_CHECKING:
    from pathlib import Path

    from brokers.collector import CollectorServer

PATHS = {"resourceSpans": "traces", "resourceMetrics": "metrics", "resourceLogs": "logs"}
TABLES = ("operations", "metrics", "events")


@pytest.fixture
def sent(collector: CollectorServer, tmp_path: Path) -> Path:
    """Send a flow with a lost message, a receive of several, and an event, and give a file of it."""
    made = flow(40, 2, skip={12})
    made.billing.process(made.messages[12], 1.21, error="KeyError")
    made.billing.receive(made.messages[:5], 0.5)
    said = pairs({"messaging.destination.name": "orders", "messaging.consumer.group.name": "billing"})
    assigned = {"eventName": "eda.consumer.assigned", "timeUnixNano": str(BEGIN + SECOND), "attributes": said}
    made.world.extra.append(scoped(made.billing, "resourceLogs", "scopeLogs", "logRecords", [assigned]))
    for line in made.world.lines():
        post(f"http://{collector.addresses['collector:4318']}/v1/{signal(line)}", line)
    return made.world.write(tmp_path)


def signal(line: str) -> str:
    return next(path for name, path in PATHS.items() if name in line)


def post(url: str, line: str) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, line.encode(), {"Content-Type": "application/json"})  # noqa: S310
    opener.open(request, timeout=10).close()


def rows(place: Path) -> tuple[int, ...]:
    with Store() as store:
        try:
            store.read([Files(str(place))])
        except UnusableError:
            return ()  # empty as yet
        return tuple(store.one(f"SELECT count(*) FROM {table}") for table in TABLES)


def test_what_a_collector_writes_is_diagnosed_like_what_was_sent(collector: CollectorServer, sent: Path) -> None:
    here = rows(sent)
    assert all(here)
    until(lambda: rows(collector.telemetry) == here, "all telemetry in the collector's files", timeout=60)
    written = diagnosed(collector.telemetry).findings
    assert written == diagnosed(sent).findings
    assert [(item.code, item.verdict.name, item.error) for item in written] == [("EDA104", "CONFIRMED", "KeyError")]
