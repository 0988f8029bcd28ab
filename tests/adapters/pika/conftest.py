from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from drivers.pika import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brokers.rabbitmq import RabbitMQ
    from pika import BlockingConnection
    from pika.adapters.blocking_connection import BlockingChannel
    from support.recorder import Recorder


KEY = "messaging.rabbitmq.destination.routing_key"


def published(channel: BlockingChannel, queue: str, *bodies: bytes) -> None:
    """Publish to a queue by the default exchange."""
    for body in bodies:
        channel.basic_publish("", queue, body)


def drained(channel: BlockingChannel, connection: BlockingConnection, count: int) -> None:
    """Dispatch until that many messages are no longer waited for."""
    end = time.monotonic() + 30
    while count > len(channel.__dict__["seen"]) and time.monotonic() < end:
        connection.process_data_events(time_limit=0.2)


@pytest.fixture
def connection(rabbitmq: RabbitMQ, recorder: Recorder) -> Iterator[BlockingConnection]:
    made = connect(rabbitmq.address, "client-7")
    yield made
    if made.is_open:
        made.close()


@pytest.fixture
def channel(connection: BlockingConnection) -> BlockingChannel:
    return connection.channel()


@pytest.fixture
def queue(rabbitmq: RabbitMQ) -> str:
    """A queue of the test's own."""
    return rabbitmq.queue()
