"""Where programs get their messages from: the same for everyone, made before they are measured."""

from __future__ import annotations

import secrets
import uuid
from typing import TYPE_CHECKING, Protocol

from bench.clients import VALUE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Source(Protocol):
    """Gives each of its receivers every message."""

    def receiver(self) -> str:
        """Give the destination of one more receiver."""

    def put(self, count: int) -> None:
        """Have so many more messages, each with a producer's context in its headers."""


class Kafka:
    """A topic that every receiver reads from its beginning, in a group of its own."""

    def __init__(self, address: str) -> None:
        from confluent_kafka import Producer

        self.topic = destination()
        self.producer = Producer({"bootstrap.servers": address, "queue.buffering.max.messages": 1_000_000})

    def receiver(self) -> str:
        return self.topic

    def put(self, count: int) -> None:
        for _ in range(count):
            self.producer.produce(self.topic, VALUE, headers=[("traceparent", traceparent().encode())])
        self.producer.flush()


class RabbitMQ:
    """An exchange that copies each message into the queues of all receivers."""

    def __init__(self, address: str) -> None:
        from pika import BasicProperties, BlockingConnection, ConnectionParameters

        host, _, port = address.partition(":")
        self.properties: Callable[..., object] = BasicProperties
        self.channel = BlockingConnection(ConnectionParameters(host, int(port), heartbeat=0)).channel()
        self.exchange = destination()
        self.channel.exchange_declare(self.exchange, "fanout")

    def receiver(self) -> str:
        queue = destination()
        self.channel.queue_declare(queue, auto_delete=True)  # as the receiver declares it
        self.channel.queue_bind(queue, self.exchange)
        return queue

    def put(self, count: int) -> None:
        for _ in range(count):
            properties = self.properties(headers={"traceparent": traceparent()})
            self.channel.basic_publish(self.exchange, "", VALUE, properties)
        self.channel.connection.process_data_events(0)


SOURCES: Mapping[str, Callable[[str], Source]] = {"kafka": Kafka, "rabbitmq": RabbitMQ}


def destination() -> str:
    """Give a name of its own."""
    return f"bench-{uuid.uuid4().hex[:8]}"


def traceparent() -> str:
    """Give the context of a producer's span that is sampled."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
