"""Each way in which a blocking channel settles, and what a broker delivers again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.trace import SpanKind
from pika.exceptions import (
    ChannelClosedByBroker,
)
from support.spans import attribute, ids, links, parent

from .conftest import drained, published

if TYPE_CHECKING:
    from brokers.rabbitmq import RabbitMQ
    from opentelemetry.sdk.trace import ReadableSpan
    from pika import BasicProperties, BlockingConnection
    from pika.adapters.blocking_connection import BlockingChannel
    from support.recorder import Recorder

REDELIVERED, DELIVERIES = "eda.message.redelivered", "eda.message.delivery_count"
DEATHS, REASON = "eda.message.death_count", "eda.message.death_reason"
REQUEUE, COUNT, TAG = "eda.settle.requeue", "messaging.batch.message_count", "messaging.rabbitmq.message.delivery_tag"


@pytest.mark.parametrize("verb", ["ack", "nack", "reject"])
def test_each_way_to_settle_is_a_span(channel: BlockingChannel, queue: str, recorder: Recorder, verb: str) -> None:
    published(channel, queue, b"1")
    method, _, _ = channel.basic_get(queue)
    requeue = {} if verb == "ack" else {"requeue": False}
    getattr(channel, f"basic_{verb}")(method.delivery_tag, **requeue)
    channel.close()
    [send], [process], [settle] = recorder.sends(1), recorder.processes(1), recorder.settles(1)
    assert (settle.kind, settle.name) == (SpanKind.CLIENT, f"{verb} {queue}")
    assert (parent(settle), links(settle)) == (ids(process), [ids(send)])
    assert (attribute(settle, TAG), attribute(settle, REQUEUE)) == (1, None if verb == "ack" else False)
    [point] = recorder.counted("eda.settled.messages", 1, queue)
    assert (point.attributes or {}).get(REQUEUE) is (None if verb == "ack" else False)


@pytest.mark.parametrize("tag", [3, 0], ids=["up to the last", "all there are"])
def test_several_are_settled_at_once(channel: BlockingChannel, queue: str, recorder: Recorder, tag: int) -> None:
    published(channel, queue, b"1", b"2", b"3")
    for _ in range(3):
        channel.basic_get(queue)
    channel.basic_ack(tag, multiple=True)
    channel.close()
    [settle] = recorder.settles(1)
    assert links(settle) == [ids(span) for span in recorder.sends(3)]
    assert attribute(settle, COUNT) == 3
    recorder.counted("eda.settled.messages", 3, queue)


def test_an_unknown_tag_closes_the_channel_and_is_told(
    connection: BlockingConnection, channel: BlockingChannel, queue: str, recorder: Recorder
) -> None:
    channel.basic_ack(7)
    with pytest.raises(ChannelClosedByBroker):
        channel.basic_get(queue)
    [settle] = recorder.settles(1)
    assert (settle.name, attribute(settle, TAG), links(settle)) == ("ack", 7, [])
    [receive] = recorder.receives(1)
    assert attribute(receive, "error.type") == "pika.exceptions.ChannelClosedByBroker"


def test_what_the_library_rejects_by_itself_has_no_span(
    channel: BlockingChannel, queue: str, recorder: Recorder
) -> None:
    published(channel, queue, *[b"1"] * 5)
    for _ in channel.consume(queue):
        break
    channel.cancel()
    recorder.settles(0)
    recorder.processes(1)


def attempts(recorder: Recorder, *names: str) -> list[tuple[object, ...]]:
    spans: list[ReadableSpan] = [
        span for span in recorder.ours() if attribute(span, "messaging.operation.type") == "process"
    ]
    return [tuple(attribute(span, name) for name in names) for span in spans]


def test_each_attempt_is_a_span_under_the_same_publish(
    channel: BlockingChannel, queue: str, recorder: Recorder
) -> None:
    published(channel, queue, b"1")
    for method, _, _ in channel.consume(queue):
        if method.redelivered:
            channel.basic_ack(method.delivery_tag)
            break
        channel.basic_nack(method.delivery_tag)
    [send], processed = recorder.sends(1), recorder.processes(2)
    assert [(parent(span), links(span)) for span in processed] == [(ids(send), [ids(send)])] * 2
    assert attempts(recorder, REDELIVERED) == [(None,), (True,)]
    assert recorder.count("eda.redelivered.messages") == 1
    assert [attribute(span, REQUEUE) for span in recorder.settles(2)] == [True, None]


def test_a_quorum_queue_counts_attempts(rabbitmq: RabbitMQ, channel: BlockingChannel, recorder: Recorder) -> None:
    queue = rabbitmq.queue({"x-queue-type": "quorum"})
    channel.confirm_delivery()
    published(channel, queue, b"1")
    for method, _, _ in channel.consume(queue):
        if method.delivery_tag == 3:
            channel.basic_ack(method.delivery_tag)
            break
        channel.basic_reject(method.delivery_tag)
    assert attempts(recorder, DELIVERIES) == [(None,), (1,), (2,)]


def test_a_dead_letter_tells_how_often_and_why_it_died(
    rabbitmq: RabbitMQ, channel: BlockingChannel, recorder: Recorder
) -> None:
    grave = rabbitmq.queue()
    queue = rabbitmq.queue({"x-dead-letter-exchange": "", "x-dead-letter-routing-key": grave})
    published(channel, queue, b"1")
    method, _, _ = channel.basic_get(queue)
    channel.basic_nack(method.delivery_tag, requeue=False)
    for method, _, _ in channel.consume(grave):
        channel.basic_ack(method.delivery_tag)
        break
    channel.close()
    [send], processed = recorder.sends(1), recorder.processes(2)
    assert [parent(span) for span in processed] == [ids(send)] * 2
    assert attempts(recorder, DEATHS, REASON) == [(None, None), (1, "rejected")]


def test_a_publish_for_another_try_is_a_child_of_this_one(
    rabbitmq: RabbitMQ, channel: BlockingChannel, queue: str, recorder: Recorder
) -> None:
    retry = rabbitmq.queue()
    published(channel, queue, b"1")
    channel.__dict__["seen"] = seen = list[Any]()

    def callback(channel: BlockingChannel, method: Any, properties: BasicProperties, body: bytes) -> None:
        seen.append(method)
        channel.basic_publish("", retry, body, properties)
        channel.basic_ack(method.delivery_tag)

    channel.basic_consume(queue, callback)
    drained(channel, channel.connection, 1)
    first, again = recorder.sends(2)
    [process] = recorder.processes(1)
    assert again.kind is SpanKind.CLIENT  # the message carries where it came from, and keeps it
    assert (parent(again), links(again)) == (ids(process), [ids(first)])
