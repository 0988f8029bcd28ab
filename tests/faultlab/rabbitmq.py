"""What programs on RabbitMQ have in common."""

from __future__ import annotations

import os
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VARIABLE = "FAULTLAB_RABBITMQ"
PATIENCE = 30.0  # seconds


def address() -> str:
    """Give the broker's address, `host:port`."""
    return os.environ[VARIABLE]


@contextmanager
def channel(confirms: bool = False, prefetch: int = 0) -> Iterator[Any]:
    """Have a channel of pika's on a connection of its own."""
    import pika

    host, _, port = address().rpartition(":")
    with closing(pika.BlockingConnection(pika.ConnectionParameters(host, int(port)))) as connection:
        made = connection.channel()
        if confirms:
            made.confirm_delivery()
        if prefetch:
            made.basic_qos(prefetch_count=prefetch)
        yield made


def publish(queue: str, count: int, **properties: Any) -> None:
    """Publish so many numbers to a queue, one after the other, each confirmed."""
    import pika

    with channel(confirms=True) as made:
        for number in range(count):
            made.basic_publish("", queue, b"%d" % number, pika.BasicProperties(**properties))


def read(made: Any, queue: str, count: int, **options: Any) -> Iterator[tuple[Any, Any, bytes]]:
    """Give method, properties and body of so many messages; it is an error if no more come."""
    for _, found in zip(range(count), made.consume(queue, inactivity_timeout=PATIENCE, **options), strict=False):
        if found[0] is None:
            raise TimeoutError(f"nothing came in {PATIENCE:g} s")
        yield found


def creation(properties: Any) -> Mapping[str, str]:
    """Say which message it is: the trace and span of who created it."""
    _, trace, span, _ = properties.headers["traceparent"].split("-")
    return {"trace_id": trace, "span_id": span}


def identity(properties: Any) -> str:
    """Name a message as a diagnosis does."""
    return "-".join(creation(properties).values())
