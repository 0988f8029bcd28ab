"""A blocking channel: what it confirms, what comes back, what is settled, what comes again."""

from __future__ import annotations

import copy
import inspect
import pickle
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from drivers.pika import connect
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.trace import SpanKind
from pika import BasicProperties
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import (
    AMQPConnectionError,
    ChannelClosedByBroker,
    ChannelWrongStateError,
    NackError,
    UnroutableError,
)
from support.forking import in_child
from support.spans import attribute, exceptions, failed, ids, links, parent, told
from support.waiting import until

if TYPE_CHECKING:
    from brokers.rabbitmq import RabbitMQ
    from opentelemetry.sdk.trace import ReadableSpan
    from pika import BlockingConnection
    from support.recorder import Recorder

REDELIVERED, DELIVERIES = "eda.message.redelivered", "eda.message.delivery_count"
DEATHS, REASON = "eda.message.death_count", "eda.message.death_reason"
REQUEUE, COUNT, TAG = "eda.settle.requeue", "messaging.batch.message_count", "messaging.rabbitmq.message.delivery_tag"
KEY = "messaging.rabbitmq.destination.routing_key"
RETURNS = "eda.returned.messages"


def published(channel: BlockingChannel, queue: str, *bodies: bytes) -> None:
    for body in bodies:
        channel.basic_publish("", queue, body)


def drained(channel: BlockingChannel, connection: BlockingConnection, count: int) -> None:
    """Dispatch until that many messages are no longer waited for."""
    end = time.monotonic() + 30
    while count > len(channel.__dict__["seen"]) and time.monotonic() < end:
        connection.process_data_events(time_limit=0.2)


# --- Publishing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("confirmed", [True, False], ids=["confirmed", "not confirmed"])
def test_a_publish_is_one_span(channel: BlockingChannel, queue: str, recorder: Recorder, confirmed: bool) -> None:
    if confirmed:
        channel.confirm_delivery()
    assert channel.basic_publish("", queue, b"1") is None
    [span] = recorder.ours()
    assert (span.kind, span.name) == (SpanKind.PRODUCER, f"publish {queue}")
    assert attribute(span, KEY) == queue
    assert attribute(span, "messaging.client.id") == "client-7"
    recorder.counted("messaging.client.sent.messages", 1, queue)


@pytest.mark.parametrize(
    ("exchange", "key", "name"),
    [("amq.topic", "a.b", "amq.topic:a.b"), ("amq.fanout", "", "amq.fanout"), ("", "nobody", "nobody"),
     ("", "", "amq.default"), ("", "amq.gen-Xyz", "amq.gen"), (b"amq.topic", b"a", "amq.topic:a")],
)  # fmt: skip
def test_a_destination_is_exchange_and_routing_key(
    channel: BlockingChannel, recorder: Recorder, exchange: Any, key: Any, name: str
) -> None:
    channel.basic_publish(exchange, key, b"")
    [span] = recorder.sends(1)
    assert attribute(span, "messaging.destination.name") == name
    assert attribute(span, KEY) == ((key.decode() if isinstance(key, bytes) else key) or None)


def test_an_unroutable_message_is_a_failure(channel: BlockingChannel, recorder: Recorder) -> None:
    channel.confirm_delivery()
    with pytest.raises(UnroutableError) as caught:
        channel.basic_publish("", "nowhere", b"1", mandatory=True)
    assert caught.value.messages[0].body == b"1"
    [span] = recorder.ours()
    assert (failed(span), attribute(span, "error.type")) == (True, "pika.exceptions.UnroutableError")
    recorder.counted(RETURNS, 1, "nowhere")


def test_a_refused_message_is_a_failure(
    rabbitmq: RabbitMQ, connection: BlockingConnection, channel: BlockingChannel, recorder: Recorder
) -> None:
    queue = rabbitmq.queue({"x-max-length": 1, "x-overflow": "reject-publish"})
    channel.confirm_delivery()
    channel.basic_publish("", queue, b"1")
    with pytest.raises(NackError):
        channel.basic_publish("", queue, b"2")
    good, bad = recorder.sends(2)
    assert (failed(good), failed(bad)) == (False, True)
    assert attribute(bad, "error.type") == "pika.exceptions.NackError"


def test_what_comes_back_unconfirmed_has_a_span_below_the_publish(
    connection: BlockingConnection, channel: BlockingChannel, recorder: Recorder
) -> None:
    seen: list[Any] = []
    channel.add_on_return_callback(lambda *parts: seen.append(parts))
    channel.basic_publish("", "nowhere", b"1", mandatory=True)
    [publish] = recorder.sends(1)
    assert not failed(publish)  # at its end that was not known
    until(lambda: connection.process_data_events(0.1) or seen, "a returned message")
    publish, back = recorder.sends(2)
    assert (back.kind, back.name) == (SpanKind.CLIENT, "return nowhere")
    assert (parent(back), links(back)) == (ids(publish), [ids(publish)])
    assert (attribute(back, "error.type"), back.status.description) == ("eda.returned", "312 NO_ROUTE")
    [(given, method, _, body)] = seen
    assert (given, method.reply_code, body) == (channel, 312, b"1")
    recorder.counted(RETURNS, 1, "nowhere")
    recorder.counted("messaging.client.sent.messages", 1, "nowhere")


def test_properties_stay_the_applications(channel: BlockingChannel, queue: str, recorder: Recorder) -> None:
    properties = BasicProperties(
        headers={"a": 1}, content_type="text/plain", message_id="m-1", correlation_id="c-1", delivery_mode=2, priority=3
    )
    before = copy.deepcopy(properties)
    for _ in range(3):
        channel.basic_publish("", queue, b"1", properties)
    assert properties == before
    sent = recorder.sends(3)
    assert {attribute(span, "messaging.message.id") for span in sent} == {"m-1"}
    assert {attribute(span, "messaging.message.conversation_id") for span in sent} == {"c-1"}
    for span in sent:
        _, found, _ = channel.basic_get(queue, auto_ack=True)
        assert told(found.headers.pop("traceparent").encode()) == ids(span)
        assert found == before
    channel.close()


@pytest.mark.parametrize("properties", [None, BasicProperties(), BasicProperties(headers={})], ids=repr)
def test_properties_without_headers_get_some(
    channel: BlockingChannel, queue: str, recorder: Recorder, properties: BasicProperties | None
) -> None:
    channel.basic_publish("", queue, b"1", properties)
    _, found, _ = channel.basic_get(queue, auto_ack=True)
    channel.close()
    assert told(found.headers["traceparent"].encode()) == ids(recorder.sends(1)[0])
    assert properties is None or not properties.headers


# --- Consuming ----------------------------------------------------------------------------------------------------


def test_a_destination_of_a_delivery_names_its_queue(
    rabbitmq: RabbitMQ, channel: BlockingChannel, queue: str, recorder: Recorder
) -> None:
    exchange = rabbitmq.exchange("topic", [queue], "#")
    channel.basic_publish(exchange, "a.b", b"1")
    channel.basic_get(queue)
    channel.close()
    [process] = recorder.processes(1)
    assert process.name == f"process {exchange}:a.b:{queue}"
    assert (attribute(process, KEY), attribute(process, TAG)) == ("a.b", 1)


def test_nothing_there_is_no_span(channel: BlockingChannel, queue: str, recorder: Recorder) -> None:
    assert channel.basic_get(queue) == (None, None, None)
    for parts in channel.consume(queue, inactivity_timeout=0.01):
        assert parts == (None, None, None)
        break
    channel.cancel()
    assert recorder.ours() == []
    assert not recorder.open()


def test_a_generators_body_ends_where_nothing_comes(channel: BlockingChannel, queue: str, recorder: Recorder) -> None:
    published(channel, queue, b"1")
    seen = False
    for method, _, _ in channel.consume(queue, inactivity_timeout=0.5):
        if method is None and seen:
            break
        seen = seen or method is not None
        assert len(recorder.open("process")) == int(seen)
    assert not recorder.open()
    recorder.processes(1)


def test_consume_is_still_a_generator_function_that_pickles(recorder: Recorder) -> None:
    again = pickle.loads(pickle.dumps(BlockingChannel.consume))  # noqa: S301
    assert again == BlockingChannel.consume
    assert inspect.isgeneratorfunction(again)


def test_a_callback_within_the_pull_of_a_generator(
    rabbitmq: RabbitMQ, channel: BlockingChannel, queue: str, recorder: Recorder
) -> None:
    other = rabbitmq.queue()
    published(channel, other, b"1")
    seen: list[Any] = []

    def callback(channel: BlockingChannel, method: Any, *_: object) -> None:
        seen.append(method)
        channel.basic_ack(method.delivery_tag)
        published(channel, queue, b"2")

    channel.basic_consume(other, callback)
    for _ in channel.consume(queue):
        break
    inner, outer = recorder.processes(1, other)[0], recorder.processes(1, queue)[0]
    first, second = recorder.sends(2)
    assert (parent(inner), parent(second), parent(outer)) == (ids(first), ids(inner), ids(second))
    assert recorder.settles(1)[0].parent is not None


# --- Settling -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["ack", "nack", "reject"])
def test_each_way_to_settle_is_a_span(channel: BlockingChannel, queue: str, recorder: Recorder, verb: str) -> None:
    published(channel, queue, b"1")
    method, _, _ = channel.basic_get(queue)
    requeue = {} if verb == "ack" else {"requeue": False}
    getattr(channel, f"basic_{verb}")(method.delivery_tag, **requeue)
    [send], [process], [settle] = recorder.sends(1), recorder.processes(1), recorder.settles(1)
    assert (settle.kind, settle.name) == (SpanKind.CLIENT, f"{verb} {queue}")
    assert (parent(settle), links(settle)) == (ids(process), [ids(send)])
    assert (attribute(settle, TAG), attribute(settle, REQUEUE)) == (1, None if verb == "ack" else False)
    recorder.counted("eda.settled.messages", 1, queue)


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


# --- Coming again -------------------------------------------------------------------------------------------------


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


# --- Threads, and the library's own errors ------------------------------------------------------------------------


def test_a_worker_acknowledges_by_the_connections_thread(
    connection: BlockingConnection, channel: BlockingChannel, queue: str, recorder: Recorder
) -> None:
    published(channel, queue, b"1", b"2")
    channel.__dict__["seen"] = done = list[int]()
    workers: list[threading.Thread] = []

    def work(tag: int) -> None:
        def acknowledge() -> None:
            channel.basic_ack(tag)
            done.append(tag)

        connection.add_callback_threadsafe(acknowledge)

    def callback(_: BlockingChannel, method: Any, *__: object) -> None:
        workers.append(threading.Thread(target=work, args=[method.delivery_tag]))
        workers[-1].start()

    channel.basic_consume(queue, callback)
    drained(channel, connection, 2)
    for worker in workers:
        worker.join()
    sent = [ids(span) for span in recorder.sends(2)]
    assert sorted(links(span)[0] for span in recorder.settles(2)) == sorted(sent)
    assert [span.parent for span in recorder.settles(2)] == [None, None]
    recorder.processes(2)


def test_a_callbacks_exception_is_the_applications(
    connection: BlockingConnection, channel: BlockingChannel, queue: str, recorder: Recorder
) -> None:
    published(channel, queue, b"1")
    error = LookupError("boom")

    def callback(*_: object) -> None:
        raise error

    channel.basic_consume(queue, callback)
    with pytest.raises(LookupError) as caught:
        channel.start_consuming()
    assert caught.value is error
    [process] = recorder.processes(1)
    assert exceptions(process) == [("LookupError", "boom")]


def test_a_callback_that_closes_the_connection_ends_at_its_own_end(
    connection: BlockingConnection, channel: BlockingChannel, queue: str, recorder: Recorder
) -> None:
    published(channel, queue, b"1")

    def callback(*_: object) -> None:
        connection.close()
        assert len(recorder.open("process")) == 1
        raise LookupError("boom")

    channel.basic_consume(queue, callback)
    with pytest.raises(LookupError):
        channel.start_consuming()
    assert exceptions(recorder.processes(1)[0]) == [("LookupError", "boom")]


def test_suppressed_there_is_nothing(channel: BlockingChannel, queue: str, recorder: Recorder) -> None:
    with suppress_instrumentation():
        published(channel, queue, b"1")
        method, properties, _ = channel.basic_get(queue)
        channel.basic_ack(method.delivery_tag)
    assert properties.headers is None
    assert recorder.ours() == []


def test_a_broker_that_restarts(private_rabbitmq: RabbitMQ, recorder: Recorder) -> None:
    queue = private_rabbitmq.queue()
    connection = connect(private_rabbitmq.address)
    channel = connection.channel()
    channel.confirm_delivery()
    durable = BasicProperties(delivery_mode=2)
    channel.basic_publish("", queue, b"1", durable)
    channel.basic_get(queue)
    private_rabbitmq.kill()
    with pytest.raises(AMQPConnectionError):
        channel.basic_publish("", queue, b"2", durable)
    private_rabbitmq.start()
    again = connect(private_rabbitmq.address)
    method, _, body = again.channel().basic_get(queue)
    assert (method.redelivered, body) == (True, b"1")
    again.close()
    lost = recorder.sends(2)[1]
    assert failed(lost)
    assert str(attribute(lost, "error.type")).startswith("pika.exceptions.")
    with pytest.raises(ChannelWrongStateError):
        channel.close()
    assert [links(span) for span in recorder.processes(2)] == [[ids(recorder.sends(2)[0])]] * 2


def test_a_forked_child_leaves_its_parents_processing_alone(
    rabbitmq: RabbitMQ, connection: BlockingConnection, channel: BlockingChannel, queue: str, recorder: Recorder
) -> None:
    published(channel, queue, b"1")
    method, _, _ = channel.basic_get(queue)

    def publish() -> object:
        own = connect(rabbitmq.address)
        own.channel().basic_publish("", queue, b"2")
        own.close()
        return len(recorder.open()), len(recorder.sends(2))

    assert in_child(publish) == "(1, 2)"
    assert len(recorder.open("process")) == 1
    channel.basic_ack(method.delivery_tag)
    recorder.processes(1)
    [_, body] = channel.basic_get(queue, auto_ack=True)[1:]
    channel.close()
    assert body == b"2"


def test_the_depth_of_a_queue_is_known_where_the_broker_tells_it(
    rabbitmq: RabbitMQ, channel: BlockingChannel, queue: str, recorder: Recorder
) -> None:
    def depth() -> list[object]:
        return [getattr(point, "value", None) for point in recorder.points("eda.queue.depth", queue)]

    channel.confirm_delivery()
    published(channel, queue, b"1", b"2", b"3")
    assert depth() == []
    channel.basic_get(queue, auto_ack=True)
    assert depth() == [2] == [rabbitmq.depth(queue)]
    channel.basic_get(queue, auto_ack=True)
    channel.queue_declare(queue, passive=True)
    assert depth() == [1] == [rabbitmq.depth(queue)]
    assert type(channel).queue_declare(self=channel, queue=queue, passive=True).method.message_count == 1
