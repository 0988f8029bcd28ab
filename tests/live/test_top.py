"""`otel-eda top` in a real terminal: its numbers are those that the test knows."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from support.programs import launched, run
from support.waiting import until

from live.programs import command
from live.terminal import terminal

if TYPE_CHECKING:
    from brokers.collector import CollectorServer
    from brokers.kafka import Kafka
    from brokers.prometheus import Prometheus

PROGRAMS = Path(__file__).parents[1] / "diagnosis" / "programs"
COUNT = 20
ANYWHERE = ("--otlp", "127.0.0.1:0")


def shop_and_billing(place: str, kafka: Kafka, topic: str) -> str:
    """Send twenty messages and process them, one of which fails and is committed past; gives the group."""
    group = f"g{uuid.uuid4().hex[:8]}"
    sent = run(launched(place, "shop"), PROGRAMS / "shop.py", kafka.address, topic, COUNT)
    billed = launched(place, "billing")
    done = run(billed, PROGRAMS / "billing.py", kafka.address, topic, group, COUNT, "swallows")
    assert (sent.status, done.status, sent.errors, done.errors) == (0, 0, "", "")
    return group


@pytest.mark.timeout(240)
def test_a_real_kafka_s_numbers_equal_the_truth(kafka: Kafka, topic: str) -> None:
    with terminal("top", *ANYWHERE, "--every", "1s") as top:
        until(lambda: "OTLP on http://" in top.lines()[0], "a receiver", 60.0)
        assert "no metrics yet" in "\n".join(top.lines())
        place = top.lines()[0].split("OTLP on ")[1].partition(";")[0]
        group = shop_and_billing(place, kafka, topic)
        until(lambda: top.row(topic)[4:5] == [f"{COUNT}"], "all processed", 60.0)
        until(lambda: top.row(group)[-2:-1] == ["1"], "the skipped one", 60.0)
        name, sent, _, unsent, processed, _, failed, *_ = top.row(topic)
        assert (name, sent, unsent, processed, failed) == (topic, "20", "0", "20", "1")
        assert top.row(group)[:3] == [group, topic, "0"]
        assert top.row(group)[-4:] == ["0", "0", "1", "0"]
        assert "2 services" in top.lines()[0] or "3 services" in top.lines()[0]
        top.interrupt()
        assert top.finish() == 0
        assert top.row(topic)[:2] == [topic, "20"]  # what was shown last stays
        assert b"\x1b[?1049h" in top.written
        assert b"\x1b[?1049l" in top.written


@pytest.mark.timeout(240)
def test_the_demo_is_shown_with_one_command(tmp_path: Path) -> None:
    with terminal("demo", "--top", "--orders", "40", "--keep", tmp_path, "--no-open") as top:
        assert top.finish() == 0
    screen = top.written.decode()
    counted: Counter[tuple[str, ...]] = Counter()
    for line in (tmp_path / "traces.jsonl").read_text("utf-8").splitlines():
        for resource in json.loads(line)["resourceSpans"]:
            for span in (span for scope in resource["scopeSpans"] for span in scope["spans"]):
                said = {pair["key"]: str(next(iter(pair["value"].values()))) for pair in span["attributes"]}
                at = said.get("messaging.operation.type", ""), said.get("messaging.destination.name", "")
                counted[at] += 1
                counted[(at[0], at[1], "failed")] += "error.type" in said
    rows = [line.split() for line in _plain(screen).splitlines()]
    for name in ("orders", "payments"):
        cells = [row for row in rows if row[:1] == [name] and len(row) == 8][-1]
        assert [int(cells[place]) for place in (1, 4)] == [counted["send", name], counted["process", name]]
        assert int(cells[6]) == counted["process", name, "failed"]


def _plain(written: str) -> str:
    import pyte

    page = pyte.HistoryScreen(160, 400)
    pyte.Stream(page).feed(written)
    return "\n".join(page.display)


@pytest.mark.timeout(300)
def test_a_prometheus_that_scrapes_the_collector_shows_the_same(
    kafka: Kafka, topic: str, collector: CollectorServer, prometheus: Prometheus
) -> None:
    with terminal("top", "--prometheus", prometheus.url, "--every", "1s") as top:
        group = shop_and_billing(f"http://{collector.addresses['collector:4318']}", kafka, topic)
        until(lambda: top.row(topic)[4:5] == [f"{COUNT}"], "all processed", 90.0)
        until(lambda: top.row(group)[-2:-1] == ["1"], "the skipped one", 90.0)
        name, sent, _, unsent, processed, _, failed, *_ = top.row(topic)
        assert (name, sent, unsent, processed, failed) == (topic, "20", "0", "20", "1")
        assert top.row(group)[:2] == [group, topic]
        assert top.row(group)[-4:] == ["0", "0", "1", "0"]
        top.interrupt()
        assert top.finish() == 0


def test_keys_sort_filter_and_end_it() -> None:
    with terminal("top", *ANYWHERE, "--every", "1s") as top:
        until(lambda: "OTLP on http://" in top.lines()[0], "a receiver", 60.0)
        place = top.lines()[0].split("OTLP on ")[1].partition(";")[0]
        exporter = OTLPMetricExporter(f"{place}/v1/metrics")
        provider = MeterProvider([PeriodicExportingMetricReader(exporter, 60_000)], Resource({"service.name": "shop"}))
        counter = provider.get_meter("test").create_counter("messaging.client.sent.messages")
        for name, failed in (("apples", 0), ("bread", 7), ("cheese", 2)):
            counter.add(1, {"messaging.destination.name": name})
            counter.add(failed, {"messaging.destination.name": name, "error.type": "KafkaError"})
        provider.shutdown()

        def shown() -> list[str]:
            names = (line.split()[0] for line in top.lines() if line.split())
            return [name for name in names if name in {"apples", "bread", "cheese"}]

        until(lambda: shown() == ["apples", "bread", "cheese"], "the rows, by name", 60.0)
        assert "1 services, 6 series" in top.lines()[0]
        top.press("ss")
        until(lambda: shown() == ["bread", "cheese", "apples"], "the rows, by failures")
        top.press("/EEx\x7f\r")
        until(lambda: shown() == ["cheese"], "the row that fits")
        assert "sorted by failed, /EE; s sorts, / filters, q ends" in top.lines()[1]
        top.press("\x1b")
        until(lambda: len(shown()) == 3, "all rows")
        top.press("q")
        assert top.finish() == 0


def test_values_are_data_in_the_terminal() -> None:
    evil = "evil\x1b]0;title\x07\x1b[2J\r\n[red]orders"
    with terminal("top", *ANYWHERE, "--every", "1s") as top:
        until(lambda: "OTLP on http://" in top.lines()[0], "a receiver", 60.0)
        place = top.lines()[0].split("OTLP on ")[1].partition(";")[0]
        exporter = OTLPMetricExporter(f"{place}/v1/metrics")
        provider = MeterProvider([PeriodicExportingMetricReader(exporter, 60_000)], Resource({"service.name": evil}))
        counter = provider.get_meter("test").create_counter("messaging.client.sent.messages")
        counter.add(3, {"messaging.destination.name": evil, "messaging.consumer.group.name": evil})
        provider.shutdown()
        until(lambda: any("[red]orders" in line and " 3 " in line for line in top.lines()), "the row", 60.0)
        top.interrupt()
        assert top.finish() == 0
    assert b"\x1b]0;" not in top.written
    assert b"\x07" not in top.written
    assert b"\x1b[2J\r" not in top.written


def test_without_a_terminal_it_says_once_how_things_are() -> None:
    with command("top", *ANYWHERE, "--duration", "1s", "--every", "1h") as top:
        outcome = top.finish()
    assert (outcome.status, outcome.errors) == (0, "")
    assert "no metrics yet" in outcome.output
    assert outcome.output.count("OTLP on") == 1


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--prometheus", "http://127.0.0.1:9"], "http://127.0.0.1:9: no Prometheus answers"),
        (["--prometheus", "somewhere"], "somewhere: not a URL of a Prometheus"),
        (["--prometheus", "http://[::1"], "http://[::1: Invalid IPv6 URL"),
        (["--otlp", "4318"], "4318: not a HOST:PORT"),
    ],
)
def test_what_cannot_be_shown_is_said_in_one_line(arguments: list[str], line: str) -> None:
    with command("top", *arguments) as top:
        outcome = top.finish()
    assert (outcome.status, outcome.output) == (2, "")
    assert outcome.errors.startswith(f"otel-eda: {line}")
    assert outcome.errors.count("\n") == 1
