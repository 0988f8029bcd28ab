"""What a blocking channel consumes, in callbacks, generators and pulls, to the end of its connection."""

from __future__ import annotations

import inspect
import pickle
import threading
from typing import TYPE_CHECKING, Any

import pytest
from drivers.pika import connect
from opentelemetry.instrumentation.utils import suppress_instrumentation
from pika import BasicProperties
from pika.adapters.blocking_connection import BlockingChannel
from pika.adapters.select_connection import IOLoop
from pika.exceptions import (
    AMQPConnectionError,
    ChannelWrongStateError,
)
from support.forking import in_child
from support.spans import attribute, exceptions, failed, ids, links, parent

from adapters.pika.test_settling import TAG

from .conftest import KEY, drained, published

if TYPE_CHECKING:
    from brokers.rabbitmq import RabbitMQ
    from pika import BlockingConnection
    from support.recorder import Recorder


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


@pytest.mark.usefixtures("recorder")
def test_what_cannot_be_called_is_refused_as_ever() -> None:
    loop = IOLoop()
    with pytest.raises(TypeError, match="callback must be a callable"):
        loop.add_callback_threadsafe(None)
    with pytest.raises(TypeError, match="callback must be a callable"):
        loop.call_later(0, "soon")
    loop.close()


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
    [_, body] = channel.basic_get(queue, auto_ack=True)[1:]
    recorder.processes(1)
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
