"""One driver at one broker, for the length of a test."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, Any

from drivers.base import Message, Reading, Sending

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivers.base import Consumer, Driver, Pairs, Producer, Receipt, Received, Shape

OURS = {"traceparent", "tracestate", "baggage"}


class Bus:
    """Makes destinations and clients, and closes them all."""

    def __init__(self, driver: Driver, address: str, make: Callable[..., str]) -> None:
        self.driver = driver
        self.address = address
        self.make = make
        self._clients = ExitStack()

    @cached_property
    def destination(self) -> str:
        """The destination that is meant where none is named."""
        return self.make()

    def producer(self, destination: str | None = None, **how: Any) -> Producer:
        """Make a producer; `how` as in `Sending`."""
        producer = self.driver.producer(self.address, destination or self.destination, Sending(**how))
        self.keep(producer)
        return producer

    def courier(self, destination: str | None = None) -> Producer:
        """Make a producer whose messages bring context."""
        producer = self.driver.courier(self.address, destination or self.destination)
        self.keep(producer)
        return producer

    def consumer(self, *destinations: str, **how: Any) -> Consumer:
        """Make a consumer; `how` as in `Reading`."""
        consumer = self.driver.consumer(self.address, destinations or (self.destination,), Reading(**how))
        self.keep(consumer)
        return consumer

    def keep(self, client: Producer | Consumer) -> None:
        """Close this client too."""
        self._clients.callback(client.close)

    def send(self, *messages: Message, destination: str | None = None) -> list[Receipt]:
        """Send messages that bring context, in this order, and wait for the answers."""
        producer = self.courier(destination)
        receipts = [producer.send(message).wait() for message in messages or (Message(),)]
        producer.close()
        return receipts

    def received(self, shape: Shape, count: int = 1, *destinations: str, **how: Any) -> list[Received]:
        """Give that many messages, consumed in that shape by a consumer that is closed again."""
        found: list[Received] = []
        consumer = self.consumer(*destinations, **how)
        consumer.consume(shape, found.append, count)
        consumer.close()
        return found

    def headers(self, *pairs: tuple[str, bytes]) -> Any:
        """Give headers of the library's own type."""
        return self.driver.headers(pairs)

    def message(self, *pairs: tuple[str, bytes], value: bytes | None = b"body") -> Message:
        """Give a message with these headers."""
        return Message(value, headers=self.headers(*pairs))

    def close(self) -> None:
        """Close every client that was made, though one of them may fail at it."""
        self._clients.close()


def pairs(headers: Pairs) -> list[tuple[str, bytes | None]]:
    """Give headers as they compare."""
    return [(name, value) for name, value in headers]


def content(received: Received) -> object:
    """Give what the application sent, and as what it got it."""
    headers = [pair for pair in pairs(received.headers) if pair[0] not in OURS]
    return (type(received.native), received.value, received.key, headers, received.partition, received.offset)
