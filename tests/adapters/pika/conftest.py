from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from drivers.pika import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brokers.rabbitmq import RabbitMQ
    from pika import BlockingConnection
    from pika.adapters.blocking_connection import BlockingChannel
    from support.recorder import Recorder


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
