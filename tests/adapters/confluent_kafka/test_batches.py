"""A batch is one span to the last of its delivery reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Producer
from opentelemetry.trace import SpanKind
from support.recorder import recording
from support.spans import attribute, failed

import otel_eda
from adapters.confluent_kafka.test_producer import ERROR

from .conftest import NOWHERE, Report, flush

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.recorder import Recorder

    Make = Callable[..., Producer]

batches = pytest.mark.skipif(not hasattr(Producer, "produce_batch"), reason="new in 2.12")


@batches
def test_a_batch_has_one_span_to_its_last_report(recorder: Recorder, topic: str, produced: Make) -> None:
    producer, usual, own = produced(), Report(), Report()
    messages: list[dict[str, Any]] = [{"value": b"1"}, {"value": b"2", "callback": own}, {"value": b"3", "key": b"k"}]
    given = [dict(message) for message in messages]
    assert producer.produce_batch(topic, messages, on_delivery=usual) == 3
    assert messages == given
    assert len(recorder.open("send")) == 1
    flush(producer)
    assert (len(usual.calls), len(own.calls)) == (2, 1)
    [send] = recorder.sends(1)
    assert (send.kind, attribute(send, "messaging.batch.message_count")) == (SpanKind.CLIENT, 3)
    assert not failed(send)
    recorder.counted("messaging.client.sent.messages", 3)


@batches
def test_what_a_batch_refuses_is_told_as_without_us(topic: str, produced: Make) -> None:
    def told() -> list[object]:
        producer, report = produced(), Report()
        messages: list[dict[str, Any]] = [{"value": b"1"}, {"value": bytes(2 << 20), "callback": report}]
        sent = producer.produce_batch(topic, messages)
        flush(producer)
        return [sent, report.calls, [(sorted(one), str(one.get("_error"))) for one in messages]]

    bare = told()
    with recording() as recorder:
        assert told() == bare
        [send] = recorder.sends(1)
        assert failed(send)
        assert len(recorder.points("messaging.client.sent.messages")) == 2


@batches
@pytest.mark.parametrize("messages", [7, [7], [{"value": 7}], []], ids=str)
def test_bad_batches_raise_what_they_raise_without_us(topic: str, produced: Make, messages: Any) -> None:
    def outcome() -> object:
        try:
            return produced().produce_batch(topic, messages)
        except TypeError as error:
            return error.args

    bare = outcome()
    with recording() as recorder:
        assert outcome() == bare
        assert not recorder.open()


@batches
def test_a_batch_that_is_not_answered_is_unresolved(recorder: Recorder) -> None:
    producer = Producer(NOWHERE)
    producer.produce_batch("nowhere", [{"value": b"1"}, {"value": b"2"}])
    otel_eda.disable()
    [send] = recorder.sends(1)
    assert attribute(send, ERROR) == "eda.unresolved"
    producer.purge()
    producer.poll(0)
