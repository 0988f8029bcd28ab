"""Delivery reports end sends, and reach whom they would reach without us."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import KafkaError, Producer, SerializingProducer
from confluent_kafka.serialization import StringSerializer
from drivers.base import PATIENCE
from opentelemetry import context
from support.recorder import recording
from support.spans import attribute, failed, ids, parent

import otel_eda

from .conftest import NOWHERE, QUIET, Report, flush

if TYPE_CHECKING:
    from collections.abc import Callable

    from brokers.kafka import Kafka
    from support.recorder import Recorder

    Make = Callable[..., Producer]

OFFSET, ERROR = "messaging.kafka.offset", "error.type"


@pytest.mark.parametrize("name", ["callback", "on_delivery"])
def test_a_callback_gets_the_same(topic: str, produced: Make, name: str) -> None:
    def reported() -> list[object]:
        producer, report = produced(), Report()
        given: dict[str, Any] = {name: report}
        producer.produce(topic, b"1", **given)
        flush(producer)
        [(error, message)] = report.calls
        return [error, type(message), message.value(), message.headers(), report.threads]

    bare = reported()
    with recording() as recorder:
        assert reported() == bare
        recorder.sends(1)


def test_a_callback_runs_in_the_context_of_the_call(recorder: Recorder, topic: str, produced: Make) -> None:
    producer, report = produced(), Report()
    with recorder.tracer.start_as_current_span("ambient"):
        producer.produce(topic, b"1", callback=report)
        producer.produce(topic, b"2")
    before = context.get_current()
    flush(producer)
    assert context.get_current() == before
    [ambient] = recorder.own("ambient")
    assert report.spans == [ids(ambient)]
    assert [parent(span) for span in recorder.sends(2)] == [ids(ambient)] * 2


def test_a_callbacks_exception_leaves_poll(recorder: Recorder, topic: str, produced: Make) -> None:
    error = ValueError("theirs")

    def broken(*_: object) -> None:
        raise error

    producer = produced()
    producer.produce(topic, b"1", callback=broken)
    with pytest.raises(ValueError, match="theirs") as caught:
        producer.flush(PATIENCE)
    assert caught.value is error
    assert not failed(recorder.sends(1)[0])


@pytest.mark.parametrize("given", [{}, {"callback": None}, {"on_delivery": None}, {"callback": None, "on_delivery": 7}])
def test_the_configured_callback_is_called_where_the_call_names_none(
    topic: str, produced: Make, given: dict[str, Any]
) -> None:
    def reported() -> int:
        report = Report()
        producer = produced(on_delivery=report)
        producer.produce(topic, b"1", **given)
        flush(producer)
        return len(report.calls)

    assert reported() == 1
    with recording() as recorder:
        assert reported() == 1
        assert attribute(recorder.sends(1)[0], OFFSET) is not None


def test_a_producer_made_before_keeps_the_callback_nobody_can_see(topic: str, produced: Make) -> None:
    report = Report()
    producer = produced(on_delivery=report)
    with recording() as recorder:
        producer.produce(topic, b"1")
        assert not failed(recorder.sends(1)[0])  # at the call: what comes of it can't be known
        producer.produce(topic, b"2", callback=Report())
        flush(producer)
        assert [attribute(span, OFFSET) is None for span in recorder.sends(2)] == [True, False]
    assert len(report.calls) == 1


def test_reports_of_failures_only_end_the_others_too(recorder: Recorder, topic: str, produced: Make) -> None:
    report = Report()
    producer = produced(delivery_report_only_error=True)
    producer.produce(topic, b"1", callback=report)
    flush(producer)
    assert report.calls == []
    assert not failed(recorder.sends(1)[0])


def test_purged_messages_have_failed(recorder: Recorder) -> None:
    producer, report = Producer(NOWHERE), Report()
    producer.produce("nowhere", b"1", callback=report)
    assert len(recorder.open("send")) == 1
    producer.purge()
    producer.poll(0)
    assert [error.code() for error, _ in report.calls] == [KafkaError._PURGE_QUEUE]
    [send] = recorder.sends(1)
    assert failed(send)


def test_a_full_queue_is_a_failed_send(recorder: Recorder) -> None:
    producer = Producer({**NOWHERE, "queue.buffering.max.messages": 1})
    producer.produce("nowhere", b"1")
    with pytest.raises(BufferError):
        producer.produce("nowhere", b"2")
    [refused] = recorder.sends(1)
    assert attribute(refused, ERROR) == "BufferError"
    producer.purge()
    producer.poll(0)
    recorder.sends(2)


def test_what_is_unanswered_at_the_end_is_unresolved(recorder: Recorder) -> None:
    producer = Producer(NOWHERE)
    producer.produce("nowhere", b"1")
    otel_eda.disable()
    [send] = recorder.sends(1)
    assert (failed(send), attribute(send, ERROR)) == (True, "eda.unresolved")
    producer.purge()
    producer.poll(0)
    assert len(recorder.ours()) == 1


def test_another_producer_in_the_place_of_one_that_was_dropped_has_its_own_name(recorder: Recorder) -> None:
    for number in range(20):
        producer = Producer({**NOWHERE, "client.id": f"client-{number}"})
        producer.produce("nowhere", b"1")
        producer.purge()
        producer.poll(0)
        del producer
    names = [attribute(span, "messaging.client.id") for span in recorder.sends(20)]
    assert names == [f"client-{number}" for number in range(20)]


def test_nothing_of_the_configuration_is_kept() -> None:
    class Secret(str):
        pass

    secret = Secret("secret")
    seen = weakref.ref(secret)
    with recording():
        sasl = {"security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN", "sasl.username": "user"}
        Producer({**NOWHERE, **sasl, "sasl.password": secret})
        del secret
        gc.collect()
        assert seen() is None


def test_headers_may_be_a_dict(recorder: Recorder, topic: str, produced: Make, reader: Callable[..., Any]) -> None:
    given: dict[str, Any] = {"a": "1", "b": b"2", "c": None}
    producer = produced()
    producer.produce(topic, b"1", headers=given)
    flush(producer)
    message = reader(topic).poll(PATIENCE)
    assert message.headers()[:3] == [("a", b"1"), ("b", b"2"), ("c", None)]
    assert [name for name, _ in message.headers()[3:]] == ["traceparent"]
    assert given == {"a": "1", "b": b"2", "c": None}


def test_a_serializing_producer_sends_once_and_serialises_the_callers_headers(
    recorder: Recorder, kafka: Kafka, topic: str
) -> None:
    seen: list[object] = []

    def serialise(value: Any, about: Any) -> bytes | None:
        seen.append(about.headers)
        return StringSerializer()(value, about)

    settings = {"bootstrap.servers": kafka.address, "value.serializer": serialise, "client.id": "serial", **QUIET}
    producer, report = SerializingProducer(settings), Report()
    headers: list[Any] = [("a", b"1")]
    producer.produce(topic, value="1", headers=headers, on_delivery=report)
    flush(producer)
    assert seen == [headers]
    assert seen[0] is headers
    assert [error for error, _ in report.calls] == [None]
    [send] = recorder.sends(1)
    assert (attribute(send, OFFSET), attribute(send, "messaging.client.id")) == (0, "serial")


def test_a_subclass_made_before_is_covered(topic: str, kafka: Kafka) -> None:
    class Own(Producer):
        def produce(self, *args: Any, **kwargs: Any) -> None:
            super().produce(*args, **kwargs)

    with recording() as recorder:
        producer = Own({"bootstrap.servers": kafka.address, **QUIET})
        producer.produce(topic, b"1")
        flush(producer)
        assert attribute(recorder.sends(1)[0], OFFSET) == 0
    assert isinstance(producer, Producer)
    assert issubclass(Own, Producer)


def test_transactions_commit_offsets(
    recorder: Recorder, topic: str, produced: Make, reader: Callable[..., Any]
) -> None:
    producer = produced(transactional_id=f"id-{topic}")
    producer.init_transactions(PATIENCE)
    producer.begin_transaction()
    producer.produce(topic, b"1")
    producer.commit_transaction(PATIENCE)
    assert attribute(recorder.sends(1)[0], OFFSET) == 0
    consumer = reader(topic)
    assert consumer.poll(PATIENCE) is not None
    producer.begin_transaction()
    producer.send_offsets_to_transaction(
        consumer.position(consumer.assignment()), consumer.consumer_group_metadata(), PATIENCE
    )
    producer.commit_transaction(PATIENCE)
    [settle] = recorder.settles(1)
    assert settle.name == f"send_offsets_to_transaction {topic}"
    assert not failed(settle)
