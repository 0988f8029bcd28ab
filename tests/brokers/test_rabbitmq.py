"""RabbitMQ starts, is shared, comes back, and ends."""

from __future__ import annotations

import sys
from itertools import islice
from typing import TYPE_CHECKING

import pytest
from pika import BasicProperties, ConnectionParameters
from pika.adapters.blocking_connection import BlockingConnection

from .processes import WAIT, children, gone, keepers, name
from .rabbitmq import RabbitMQServer
from .service import poll, private

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .rabbitmq import RabbitMQ


def connection(address: str) -> BlockingConnection:
    host, _, port = address.rpartition(":")
    return BlockingConnection(ConnectionParameters(host, int(port)))


def publish(address: str, exchange: str, key: str, body: bytes) -> None:
    with connection(address) as client:
        channel = client.channel()
        channel.confirm_delivery()
        channel.basic_publish(exchange, key, body, BasicProperties(delivery_mode=2), mandatory=True)


def bodies(address: str, queue: str, count: int) -> list[bytes]:
    with connection(address) as client:
        channel = client.channel()
        return [body for _, _, body in islice(channel.consume(queue, auto_ack=True, inactivity_timeout=WAIT), count)]


def test_a_message_goes_through_rabbitmq(rabbitmq: RabbitMQ, queues: Callable[[], str]) -> None:
    queue, other = queues(), queues()
    publish(rabbitmq.address, "", queue, b"one")
    assert (rabbitmq.depth(queue), rabbitmq.depth(other)) == (1, 0)
    assert bodies(rabbitmq.address, queue, 1) == [b"one"]


def test_queues_and_exchanges_are_made_as_asked_for(rabbitmq: RabbitMQ) -> None:
    dead = rabbitmq.queue()
    queue = rabbitmq.queue({"x-message-ttl": 0, "x-dead-letter-exchange": rabbitmq.exchange("fanout", [dead])})
    publish(rabbitmq.address, rabbitmq.exchange("direct", [queue], "orders"), "orders", b"one")
    assert bodies(rabbitmq.address, dead, 1) == [b"one"]


def test_the_shared_rabbitmq_cannot_be_stopped(rabbitmq: RabbitMQ) -> None:
    with pytest.raises(RuntimeError, match="private_rabbitmq"):
        rabbitmq.kill()


def test_a_private_rabbitmq_comes_back_with_its_data(private_rabbitmq: RabbitMQ) -> None:
    address, queue = private_rabbitmq.address, private_rabbitmq.queue()
    publish(address, "", queue, b"before")
    private_rabbitmq.stop()
    private_rabbitmq.start()
    assert private_rabbitmq.address == address
    publish(address, "", queue, b"after a stop")
    private_rabbitmq.kill()
    private_rabbitmq.start()
    publish(address, "", queue, b"after a crash")
    assert bodies(address, queue, 3) == [b"before", b"after a stop", b"after a crash"]


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked for in /proc")
@pytest.mark.parametrize("end", ["close", "kill"])
def test_rabbitmq_leaves_no_port_mapper(tmp_path: Path, rabbitmq: RabbitMQ, end: str) -> None:
    with private(RabbitMQServer, tmp_path) as server:
        (keeper,) = keepers(tmp_path)
        (node,) = children(keeper)
        (mapper,) = (child for child in children(node) if name(child) == "epmd")
        if end == "kill":
            server.kill()
            poll(lambda: gone(mapper) or None, WAIT, "the port mapper to end")
    poll(lambda: gone(mapper) or None, WAIT, "the port mapper to end")
