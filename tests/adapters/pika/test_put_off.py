"""What a worker, or a callback, has the connection's thread do later: the message has caused it."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from support.spans import ids, parent

import otel_eda

from .conftest import published

if TYPE_CHECKING:
    from brokers.rabbitmq import RabbitMQ
    from pika import BlockingConnection
    from pika.adapters.blocking_connection import BlockingChannel
    from support.recorder import Recorder


def test_what_a_worker_hands_to_the_connections_thread_is_caused_by_its_message(
    connection: BlockingConnection, channel: BlockingChannel, queue: str, rabbitmq: RabbitMQ, recorder: Recorder
) -> None:
    other = rabbitmq.queue()
    published(channel, queue, b"1", b"2")

    def finish(tag: int) -> None:
        channel.basic_publish("", other, b"3")
        channel.basic_ack(tag)

    def work(method: Any) -> None:
        with otel_eda.process(method):
            connection.add_callback_threadsafe(partial(finish, method.delivery_tag))

    workers: list[threading.Thread] = []

    def callback(_: BlockingChannel, method: Any, *__: object) -> None:
        workers.append(threading.Thread(target=work, args=[method]))
        workers[-1].start()
        workers[-1].join()  # so the span has ended before the connection's thread goes on

    channel.basic_consume(queue, callback)
    _until_settled(connection, recorder, 2)
    processes = [ids(span) for span in recorder.processes(2, queue)]
    assert [parent(span) for span in recorder.sends(4)[2:]] == processes
    assert [parent(span) for span in recorder.settles(2)] == processes


def test_what_a_callback_puts_off_is_caused_by_its_message(
    connection: BlockingConnection, channel: BlockingChannel, queue: str, recorder: Recorder
) -> None:
    published(channel, queue, b"1")

    def callback(_: BlockingChannel, method: Any, *__: object) -> None:
        connection.call_later(0.01, partial(channel.basic_ack, method.delivery_tag))

    channel.basic_consume(queue, callback)
    _until_settled(connection, recorder, 1)
    [settle] = recorder.settles(1)
    assert parent(settle) == ids(recorder.processes(1)[0])


def _until_settled(connection: BlockingConnection, recorder: Recorder, number: int) -> None:
    end = time.monotonic() + 30
    while sum("ack" in span.name for span in recorder.ours()) < number and time.monotonic() < end:
        connection.process_data_events(0.05)
