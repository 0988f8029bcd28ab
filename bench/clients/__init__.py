"""What instrumentation costs with every client library, each against its real broker; one module a library.

A module's `Application(address, destination, floor)` sends and receives so many messages. With a floor it does by hand,
around the library's calls, what an instrumentation does; without one it knows of no telemetry.
"""

from __future__ import annotations

import importlib
from argparse import ArgumentParser, ArgumentTypeError
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .floor import Floor

VALUE = b'{"order": 4711, "customer": "c-17", "total": 99.5, "lines": [1, 2, 3]}'


class Application(Protocol):
    """A producer and a consumer of one destination."""

    def send(self, count: int) -> None:
        """Send so many messages, and wait until the broker has them."""

    def receive(self, count: int) -> None:
        """Handle so many messages."""


@dataclass(frozen=True)
class Library:
    """A library: its broker, its official instrumentation, and what Datadog's calls it, None if it has none."""

    name: str
    broker: str
    system: str
    official: str | None = None
    datadog: str | None = None

    def application(self, address: str, destination: str, floor: Floor | None) -> Application:
        """Make its application."""
        made: Application = importlib.import_module(f"{__name__}.{self.name}").Application(address, destination, floor)
        return made


_OFFICIAL = "opentelemetry.instrumentation"
LIBRARIES = {
    library.name: library
    for library in (
        Library("kafka_python", "kafka", "kafka", f"{_OFFICIAL}.kafka:KafkaInstrumentor"),
        Library(
            "confluent_kafka", "kafka", "kafka", f"{_OFFICIAL}.confluent_kafka:ConfluentKafkaInstrumentor", "kafka"
        ),
        Library("aiokafka", "kafka", "kafka", f"{_OFFICIAL}.aiokafka:AIOKafkaInstrumentor", "aiokafka"),
        Library("pika", "rabbitmq", "rabbitmq", f"{_OFFICIAL}.pika:PikaInstrumentor"),
        Library("aio_pika", "rabbitmq", "rabbitmq", f"{_OFFICIAL}.aio_pika:AioPikaInstrumentor"),
        Library("pyzmq", "none", "zeromq"),
    )
}


def asked(description: str | None, program: str) -> ArgumentParser:
    """Make a parser of the libraries a benchmark is for."""
    parser = ArgumentParser(prog=f"python -m {program}", description=description)
    chosen = f"of {', '.join(LIBRARIES)}; all by default"
    parser.add_argument(
        "libraries", nargs="*", metavar="LIBRARY", type=_named, default=list(LIBRARIES.values()), help=chosen
    )
    return parser


def _named(name: str) -> Library:
    if name not in LIBRARIES:
        raise ArgumentTypeError(f"there is no {name}; there are {', '.join(LIBRARIES)}")
    return LIBRARIES[name]
