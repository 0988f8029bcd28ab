from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from drivers.pika import connect
from support.recorder import recording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brokers.rabbitmq import RabbitMQ
    from pika import BlockingConnection
    from pika.adapters.blocking_connection import BlockingChannel
    from support.recorder import Recorder


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """Instrument everything; at the test's end, no span may be open."""
    with recording() as made:
        yield made
        assert not made.open()


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
