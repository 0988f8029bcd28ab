"""Retries with back-off, dead letters, and the result that comes back: each order's whole way is one trace."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from support.programs import run, running
from support.scene import EXAMPLES, announced, promised, scene

if TYPE_CHECKING:
    from pathlib import Path

    from brokers.jaeger import Jaeger
    from brokers.kafka import Kafka
    from brokers.spans import Span
    from support.scene import Scene

RETRY = EXAMPLES / "retry"
MORE = {"OTEL_EDA_REGISTRIES": "events:Handlers", "OTEL_EDA_RECEIVE_SPANS": "none"}
MILLISECOND = 1_000_000
DELAYS = {"charges.retry.1": 300, "charges.retry.2": 900}  # milliseconds


def pay(stage: Scene) -> tuple[list[str], list[str]]:
    """Have the cards charged; gives what the shop and payments wrote."""
    charges, results = stage.topic("charges"), stage.topic("results")
    for name in ("retry.1", "retry.2", "dlq"):
        stage.kafka.topic(name=f"{charges}.{name}")
    at = "--broker", stage.kafka.address, "--charges", charges
    with running(stage.way("payments", **MORE), RETRY / "payments.py", *at) as payments:
        shop = run(stage.way("shop", **MORE), RETRY / "shop.py", *at, "--results", results)
        payments.signal(signal.SIGINT)
        done = payments.finish()
    assert (shop.status, shop.errors, done.status, done.errors) == (0, "", 0, "")
    return sorted(shop.output.splitlines()), sorted(done.output.splitlines())


def check_waits(stage: Scene, spans: list[Span]) -> None:
    """Check that every retry begins when it is due, and that its span does not begin before."""
    retries = [span for span in spans if span.kind == "CONSUMER" and ".retry." in span.name]
    assert len(retries) == 4
    for span in retries:
        delay = DELAYS[stage.plain(span.attributes["messaging.destination.name"])]
        assert span.start // MILLISECOND >= span.attributes["eda.message.timestamp"] + delay - 1


def test_retry(kafka: Kafka, jaeger: Jaeger, tmp_path: Path) -> None:
    good, slow, stolen, dead = traces = promised("retry")
    with scene(kafka, jaeger, tmp_path) as stage:
        told, done = pay(stage)
        spans = stage.spans("shop", sum(len(trace.splitlines()) for trace in traces))
    assert told == ["order 1: charged", "order 2: charged", "order 3: declined", "order 4: given_up"]
    assert [line.rpartition(" ")[2] for line in done] == ["1", "3", "1", "3"]
    assert sorted(stage.traces(spans)) == sorted([good, slow, stolen, dead])
    check_waits(stage, spans)
    check_metrics(stage)
    [found] = stage.diagnose()
    assert stage.said((found,)) == announced("retry")
    assert found.error == "__main__.BankError"
    assert found.trace_ids == (next(span.trace_id for span in spans if span.name.endswith("dlq")),)


def check_metrics(stage: Scene) -> None:
    sent = {"charges.retry.1": 2, "charges.retry.2": 2, "charges.dlq": 1, "results": 4}
    for topic, count in sent.items():
        name = "messaging.client.sent.messages"
        assert stage.metric(name, "payments", messaging_destination_name=topic) == count
    assert stage.metric("messaging.client.consumed.messages", "shop", messaging_destination_name="results") == 4
    assert stage.metric("eda.retried.messages", "payments") == 4
    assert stage.metric("eda.dead_lettered.messages", "payments", messaging_destination_name="charges.dlq") == 1
    attempts = {"__main__.BankError": 5, "__main__.DeclinedError": 1}
    for error, count in attempts.items():
        assert stage.metric("eda.handler.duration", "payments", error_type=error) == count
    assert stage.metric("eda.handler.duration", "payments") == 8
    for topic, delay in DELAYS.items():
        waited = stage.total("eda.queue.duration", "payments", messaging_destination_name=topic)
        assert waited >= 2 * (delay - 1) / 1000
