"""Spans of other instrumentations, which have names of their own, are understood as far as they tell anything."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.semconv.trace import SpanAttributes

from otel_eda.diagnosis.finding import Verdict
from otel_eda.diagnosis.sources.files import Files
from otel_eda.diagnosis.store import Store

from .telemetry import Service, Telemetry

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Diagnose
    from .telemetry import Said, Span

PRODUCER, CONSUMER = 4, 5
COLUMNS = (
    "system, type, destination, consumer_group, partition_id, message_offset, message_id, correlation_id, key_hash, "
    "server, error, outcome, origin_span"
)


def rows(made: Telemetry, folder: Path) -> list[dict[str, Any]]:
    made.metrics = False
    with Store() as store:
        store.read([Files(str(made.write(folder)))])
        names = COLUMNS.split(", ")
        return [
            dict(zip(names, row, strict=True))
            for row in store.ask(f"SELECT {COLUMNS} FROM operations ORDER BY started")
        ]


def kafka_python(service: Service, at: float, parent: Span | None = None) -> Span:
    """What the official instrumentation of kafka-python writes, of which the conventions were of 2021."""
    said = {
        "messaging.system": "kafka",
        SpanAttributes.MESSAGING_DESTINATION: "orders",
        SpanAttributes.MESSAGING_KAFKA_PARTITION: 3,
        SpanAttributes.MESSAGING_URL: json.dumps(["broker:9092"]),
    }
    verb = "receive" if parent else "send"
    return service.other(f"orders {verb}", at, 0.001, parent, said=said, kind=CONSUMER if parent else PRODUCER)


def test_the_official_kafka_python_instrumentation(tmp_path: Path) -> None:
    made = Telemetry()
    sent = kafka_python(made.service("shop"), 0.0)
    kafka_python(made.service("billing"), 1.0, sent)
    send, process = rows(made, tmp_path)
    assert (send["type"], process["type"], process["origin_span"]) == ("send", "process", sent.id)
    for row in (send, process):
        assert (row["system"], row["destination"], row["partition_id"]) == ("kafka", "orders", "3")
        assert row["server"] == '["broker:9092"]'


def celery(service: Service, at: float, parent: Span | None = None, **more: Any) -> Span:
    """What the official instrumentation of Celery writes: `messaging.system` is not among it."""
    action = "run" if parent else "apply_async"
    said = {
        "celery.action": action,
        "celery.task_name": "shop.charge",
        SpanAttributes.MESSAGING_MESSAGE_ID: str(4711 + int(at)),
        SpanAttributes.MESSAGING_CONVERSATION_ID: "0815",
        SpanAttributes.MESSAGING_DESTINATION: "celery",
        "messaging.destination_kind": "queue",
        **more,
    }
    return service.other(f"{action}/shop.charge", at, 0.01, parent, said=said, kind=CONSUMER if parent else PRODUCER)


def test_celery(tmp_path: Path) -> None:
    made = Telemetry()
    sent = celery(made.service("shop"), 0.0)
    celery(made.service("worker"), 0.5, sent)
    send, process = rows(made, tmp_path)
    assert (send["type"], process["type"], process["origin_span"]) == ("send", "process", sent.id)
    for row in (send, process):
        assert (row["system"], row["destination"]) == ("celery", "celery")
        assert (row["message_id"], row["correlation_id"]) == ("4711", "0815")


def test_celery_s_failing_tasks_and_broken_loops_are_found(diagnose: Diagnose) -> None:
    made = Telemetry()
    shop, worker = made.service("shop"), made.service("worker")
    for turn in range(20):
        sent = celery(shop, turn)
        celery(worker, turn + 0.1, sent, **({"error.type": "CardError"} if turn % 4 == 0 else {}))
    made.metrics = False
    found = diagnose(made)
    assert [(one.code, one.verdict.name, one.destination) for one in found.findings] == [("EDA401", "LIKELY", "celery")]
    assert not any("name no messaging system" in sentence for sentence in found.unasked)


def datadog(service: Service, at: float, parent: Span | None = None, **more: Any) -> Span:
    """What ddtrace writes of confluent-kafka, as the Collector's receiver passes it on: its numbers are floating."""
    said: Said = {
        "messaging.system": "kafka",
        "component": "confluent_kafka",
        "span.kind": "consumer" if parent else "producer",
        "kafka.topic": "orders",
        "kafka.partition": -1.0,
        "kafka.message_key": "",
        "kafka.tombstone": "False",
        **({} if parent else {"messaging.kafka.bootstrap.servers": "broker:9092"}),
        **more,
    }
    verb = "consume" if parent else "produce"
    return service.other(f"kafka.{verb}", at, 0.001, parent, said=said, kind=CONSUMER if parent else PRODUCER)


def test_datadog_by_otlp(tmp_path: Path) -> None:
    made = Telemetry()
    sent = datadog(made.service("shop"), 0.0)
    place = {"kafka.partition": 3.0, "kafka.message_offset": 17.0, "kafka.message_key": "c-17"}
    datadog(made.service("billing"), 1.0, sent, **{"kafka.group_id": "billing", **place, "error.type": "KeyError"})
    send, process = rows(made, tmp_path)
    assert (send["type"], send["destination"], send["server"]) == ("send", "orders", "broker:9092")
    assert (send["partition_id"], send["key_hash"]) == (None, None)  # not chosen yet, and no key
    assert (process["type"], process["origin_span"], process["consumer_group"]) == ("process", sent.id, "billing")
    assert (process["partition_id"], process["message_offset"], process["key_hash"]) == ("3", 17, "c-17")
    assert process["error"] == "KeyError"


@pytest.mark.parametrize(
    ("name", "value", "column"),
    [
        ("messaging.operation", "receive", ("type", "receive")),
        ("messaging.operation", "publish", ("type", "send")),
        ("messaging.operation", "deliver", ("type", "process")),
        ("messaging.source.name", "orders", ("destination", "orders")),
        ("messaging.kafka.consumer.group", "billing", ("consumer_group", "billing")),
        ("messaging.destination.subscription.name", "billing", ("consumer_group", "billing")),
        ("messaging.kafka.destination.partition", 3, ("partition_id", "3")),
        ("messaging.kafka.source.partition", 3, ("partition_id", "3")),
        ("messaging.kafka.message.offset", 17, ("message_offset", 17)),
        ("messaging.kafka.message.offset", -1001, ("message_offset", None)),
        ("messaging.message_id", "4711", ("message_id", "4711")),
        ("net.peer.name", "broker", ("server", "broker")),
    ],
    ids=str,
)
def test_a_name_of_earlier_conventions(name: str, value: Any, column: tuple[str, Any], tmp_path: Path) -> None:
    made = Telemetry()
    said = {"messaging.system": "kafka", name: value}
    made.service("billing").other("orders", 0.0, 0.001, said=said, kind=CONSUMER)
    (row,) = rows(made, tmp_path)
    assert row[column[0]] == column[1]


def test_a_system_that_is_not_named_is_said_and_not_guessed(diagnose: Diagnose) -> None:
    made = Telemetry()
    made.metrics = False
    made.service("jobs").other("redis BRPOP", 0.0, 0.001, said={"db.system": "redis"}, kind=CONSUMER)
    assert (
        "PRODUCER or CONSUMER spans of jobs name no messaging system: they are not understood" in diagnose(made).unasked
    )


def callback(service: Service, at: float, parent: Span | None = None, **more: Any) -> Span:
    """What the official instrumentations of pika and aio-pika write, of which a callback's span says `receive`."""
    said = {
        SpanAttributes.MESSAGING_SYSTEM: "rabbitmq",
        SpanAttributes.MESSAGING_DESTINATION: "mails",
        **({SpanAttributes.MESSAGING_OPERATION: "receive"} if parent else {}),
        **more,
    }
    return service.other("mails", at, 0.005, parent, said=said, kind=CONSUMER if parent else PRODUCER)


def test_the_official_pika_instrumentations(diagnose: Diagnose) -> None:
    made = Telemetry()
    shop, first, second = (made.service(name) for name in ("shop", "mailer", "mailer"))
    for turn in range(40):
        sent = callback(shop, turn * 0.1)
        callback(first, turn * 0.1 + 0.01, sent, **({"error.type": "KeyError"} if turn % 4 == 0 else {}))
        if turn in {1, 2}:
            callback(second, 20.0 + turn, sent)
    made.metrics = False
    found = {one.code: (one.verdict, one.count) for one in diagnose(made, "EDA202", "EDA401", "EDA107").findings}
    assert found == {"EDA202": (Verdict.SUSPECT, 2), "EDA401": (Verdict.LIKELY, 10)}


def test_a_pull_of_several_messages_is_no_callback(tmp_path: Path) -> None:
    made = Telemetry()
    sent = callback(made.service("shop"), 0.0)
    callback(made.service("mailer"), 1.0, sent, **{"messaging.batch.message_count": 7})
    assert [row["type"] for row in rows(made, tmp_path)] == ["send", "receive"]


@pytest.mark.parametrize(
    ("error", "text", "outcome"),
    [
        ("java.lang.InterruptedException", "sleep interrupted", "abandoned"),
        ("org.apache.kafka.common.errors.WakeupException", "", "abandoned"),
        ("System.OperationCanceledException", "The operation was canceled.", "abandoned"),
        ("System.Threading.Tasks.TaskCanceledException", "A task was canceled.", "abandoned"),
        ("System.Threading.Tasks.TaskCanceledException", "canceled due to HttpClient.Timeout of 5 seconds", "error"),
        ("java.lang.InterruptedException", "the call timed out", "error"),
        ("*errors.errorString", "charge: context canceled", "abandoned"),
        ("*errors.errorString", "the context canceled the order", "error"),
    ],
)
def test_other_languages_too_end_tasks_from_outside(error: str, text: str, outcome: str, tmp_path: Path) -> None:
    made = Telemetry()
    said = {"messaging.system": "kafka", "messaging.operation.type": "process", "error.type": error}
    span = made.service("billing").other("process orders", 0.0, 0.001, said=said, kind=CONSUMER)
    span.json["status"]["message"] = text
    (row,) = rows(made, tmp_path)
    assert row["outcome"] == outcome
