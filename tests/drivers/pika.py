"""pika, 1.2 and later: a blocking connection for each client."""

from __future__ import annotations

import time
from dataclasses import dataclass
from decimal import Decimal
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from opentelemetry.instrumentation.utils import suppress_instrumentation
from pika import BasicProperties, BlockingConnection, ConnectionParameters
from pika.adapters.blocking_connection import BlockingChannel
from pika.channel import Channel
from pika.exceptions import AMQPError

from drivers._amqp import AmqpDriver
from drivers.base import (
    By,
    Consumer,
    Message,
    Pending,
    Producer,
    Reading,
    Receipt,
    Received,
    Sending,
    Shape,
    Verbs,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from drivers.base import BadCall, Body, Pairs

BETWEEN = 0.01  # seconds between two looks into a queue


def connect(address: str, client: str | None = None) -> BlockingConnection:
    host, _, port = address.rpartition(":")
    properties = {"connection_name": client or "tests"}
    return BlockingConnection(ConnectionParameters(host, int(port), client_properties=properties))


@dataclass(frozen=True)
class Refused(Message):
    """One that the broker refuses, since it can't expire at no time."""


class Published(Pending):
    def __init__(self, native: Any, error: BaseException | None) -> None:
        self.native = native
        self.error = error

    def wait(self) -> Receipt:
        if self.error is not None:
            raise self.error
        return Receipt(self.native, None, None)


class BlockingProducer(Producer):
    def __init__(self, address: str, queue: str, how: Sending) -> None:
        self.queue = queue
        self.lock = Lock()  # a channel is for one thread at a time
        self.connection = connect(address, how.client)
        self.native = self.connection.channel()
        if how.acks:
            self.native.confirm_delivery()

    def send(self, message: Message, by: By = By.HABIT) -> Pending:
        expiration = "never" if isinstance(message, Refused) else None
        properties = BasicProperties(headers=message.headers, expiration=expiration)
        fields = {
            "exchange": "",
            "routing_key": self.queue,
            "body": b"" if message.value is None else message.value,
            "properties": properties,
            "mandatory": True,
        }
        with self.lock:
            try:
                return Published(self._publish(fields, by), None)
            except AMQPError as error:
                return Published(None, error)  # what others report of a message, this one raises at once

    def _publish(self, fields: dict[str, Any], by: By) -> Any:
        if by is By.POSITION:
            return self.native.basic_publish(*fields.values())
        if by is By.NAME:
            return self.native.basic_publish(**fields)
        exchange, key, body, properties, _ = fields.values()
        return self.native.basic_publish(exchange, key, body, properties=properties)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        if self.connection.is_open:
            self.connection.close()


class BlockingConsumer(Consumer):
    def __init__(self, address: str, queues: tuple[str, ...], how: Reading) -> None:
        self.queues = queues
        self.patience = how.patience
        self.connection = connect(address, how.client)
        self.native = self.connection.channel()
        self.unsettled: list[int] = []

    def read(self, native: Any) -> Received:
        method, properties, body = self._note(native)
        headers = [(name, octets(value)) for name, value in (properties.headers or {}).items()]
        return Received(native, method.routing_key, body, None, headers, None, None)

    def _note(self, native: Any) -> Any:
        if native[0].delivery_tag not in self.unsettled:
            self.unsettled.append(native[0].delivery_tag)
        return native

    def close(self) -> None:
        if self.connection.is_open:
            self.connection.close()

    def loop(self) -> Iterable[Any]:
        self.connection.call_later(self.patience, self.native.cancel)
        messages: Iterable[Any] = self.native.consume(self.queues[0])
        return messages

    def pull(self) -> Any:
        end = time.monotonic() + self.patience
        while time.monotonic() < end:
            found = self.native.basic_get(self.queues[0])
            if found[0] is not None:
                return self._note(found)
            time.sleep(BETWEEN)
        raise TimeoutError("a message was to come")

    def _callback(self, body: Body, count: int) -> None:
        left = [count]

        def called(channel: Any, *parts: Any) -> None:
            left[0] -= 1
            if not left[0]:
                for tag in tags:
                    channel.basic_cancel(tag)
            body(self.read(parts))

        tags = [self.native.basic_consume(queue, called) for queue in self.queues]
        end = time.monotonic() + self.patience
        while left[0]:
            if time.monotonic() > end:
                raise TimeoutError(f"{left[0]} more messages were to come")
            self.connection.process_data_events(time_limit=1)

    def settle(self) -> None:
        tags, self.unsettled = self.unsettled, []
        self.native.basic_ack(tags[-1], multiple=len(tags) > 1)


def octets(value: object) -> bytes | None:
    """Give a header's value as the suite knows them."""
    return value.encode() if isinstance(value, str) else value  # type: ignore[return-value]  # whatever a test sent


PEER = ("network.peer.address", "network.peer.port")


class Pika(AmqpDriver):
    name: ClassVar = "pika"
    library: ClassVar = "pika"
    module: ClassVar = "pika"
    producers: ClassVar = BlockingProducer
    consumers: ClassVar = BlockingConsumer
    shapes: ClassVar = (Shape.CALLBACK, Shape.LOOP, Shape.PULL)
    verbs: ClassVar = Verbs(send="publish", receive="consume", settle="ack", pull="get")
    own: ClassVar = {
        "send": frozenset({"messaging.rabbitmq.destination.routing_key", *PEER}),
        "process": frozenset({"messaging.rabbitmq.destination.routing_key", "messaging.rabbitmq.message.delivery_tag"}),
        "settle": frozenset({"messaging.rabbitmq.message.delivery_tag", *PEER}),
    }
    classes: ClassVar = (BlockingChannel, Channel)
    sender: ClassVar = (BlockingChannel, "basic_publish")

    def headers(self, pairs: Pairs) -> Any:
        return dict(pairs)

    def hostile(self) -> Mapping[str, Any]:
        return {
            **super().hostile(),
            "empty list": [],
            "mapping": MappingProxyType({"a": b"1"}),
            "decimal": {"a": Decimal("1.5")},
            "of no type there is": {"a": frozenset()},
            "null name": {None: b"1"},
            "long name": {"n" * 300: b"1"},
            "surrogate name": {"\udcff": b"1"},
            "surrogate value": {"tracestate": "\udcff"},
            "bytearray value": {"traceparent": bytearray(b"1")},
        }

    def refused(self) -> Message:
        return Refused()

    def foreign(self, address: str, destination: str, message: Message) -> None:
        # By the same library, for want of another that knows this protocol: the suite suppresses the instrumentation.
        with suppress_instrumentation():
            producer = self.producer(address, destination, Sending())
            producer.send(Message(message.value, headers=dict(message.headers))).wait()
            producer.close()

    def bad_calls(self, destination: str) -> Mapping[str, BadCall]:
        return {
            "send: nothing": lambda producer, _: producer.native.basic_publish(),
            "send: unknown argument": lambda producer, _: producer.native.basic_publish("", destination, b"", bogus=1),
            "send: argument twice": lambda producer, _: producer.native.basic_publish("", "", b"", exchange=""),
            "send: too many": lambda producer, _: producer.native.basic_publish("", destination, b"", *[None] * 5),
            "send: value of a wrong type": lambda producer, _: producer.native.basic_publish("", destination, 1),
            "send: exchange of a wrong type": lambda producer, _: producer.native.basic_publish(7, destination, b""),
            "send: properties of a wrong type": lambda producer, _: producer.native.basic_publish("", "q", b"", "p"),
            "get: nothing": lambda _, consumer: consumer.native.basic_get(),
            "get: queue of a wrong type": lambda _, consumer: consumer.native.basic_get(7),
            "consume: nothing": lambda _, consumer: consumer.native.basic_consume(),
            "consume: no callback": lambda _, consumer: consumer.native.basic_consume(destination),
            "consume: callback of a wrong type": lambda _, consumer: consumer.native.basic_consume(destination, 7),
            "loop: nothing": lambda _, consumer: consumer.native.consume(),
            "ack: tag of a wrong type": lambda _, consumer: consumer.native.basic_ack("x"),
            "ack: too many": lambda _, consumer: consumer.native.basic_ack(1, False, 3),
            "nack: unknown argument": lambda _, consumer: consumer.native.basic_nack(bogus=1),
            "reject: tag of a wrong type": lambda _, consumer: consumer.native.basic_reject(None),
            "confirm: nothing": lambda producer, _: producer.native._impl.confirm_delivery(),
        }

    def bad_settle(self, address: str, destination: str) -> tuple[Consumer, Callable[[], object]]:
        consumer = BlockingConsumer(address, (destination,), Reading())
        consumer.native.close()
        return consumer, lambda: consumer.native.basic_ack(1)


DRIVER = Pika()
