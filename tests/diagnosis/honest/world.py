"""The list of honest worlds, and what their programs have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from diagnosis.telemetry import BEGIN, SECOND, Flow, Message, Service, Span, Telemetry, pairs, scoped

if TYPE_CHECKING:
    from collections.abc import Iterable

Build: TypeAlias = Callable[[], Telemetry]
WORLDS: dict[str, tuple[Build, tuple[str, ...]]] = {}
KEY, TIMESTAMP = "eda.message.key.hash", "eda.message.timestamp"


def honest(*codes: str) -> Callable[[Build], Build]:
    """Add a world to the list, with the checks that it tries to deceive."""

    def add(build: Build) -> Build:
        WORLDS[build.__name__] = build, codes
        return build

    return add


def linger(*services: Service, until: float = 60.0) -> None:
    """Have processes show a sign of life at a time."""
    for service in services:
        service.other("still here", until, 0.01)


def settle(service: Service, work: Span, destination: str, at: float, verb: str = "ack", **said: Any) -> Span:
    """Acknowledge or refuse a message of RabbitMQ."""
    made = service._span("settle", destination, at, 0.0003, {"messaging.operation.name": verb, **said}, work)
    made.json["links"] = work.json["links"]
    return made


def counts(service: Service, name: str, number: int, **said: Any) -> None:
    """Have a process count something, beside its messages."""
    times = {"startTimeUnixNano": str(BEGIN), "timeUnixNano": str(BEGIN + 59 * SECOND)}
    points = {"dataPoints": [{**times, "asInt": str(number), "attributes": pairs(said)}], "aggregationTemporality": 2}
    service.world.extra.append(
        scoped(service, "resourceMetrics", "scopeMetrics", "metrics", [{"name": name, "sum": points}])
    )


def committed(made: Flow, number: int) -> None:
    """Have the consumer count its commits."""
    said = {"messaging.destination.name": "orders", "messaging.consumer.group.name": "billing"}
    counts(made.billing, "eda.commits", number, **said)


def queue(*names: str) -> tuple[Telemetry, list[Service]]:
    """Return processes that use RabbitMQ."""
    world = Telemetry()
    return world, [world.service(name, system="rabbitmq") for name in names]


def handled(shop: Service, mailer: Service, destination: str, times: Iterable[float]) -> list[Message]:
    """Have messages sent, worked on and acknowledged."""
    messages = []
    for at in times:
        messages.append(shop.send(destination, at))
        settle(mailer, mailer.process(messages[-1], at + 0.01), destination, at + 0.014)
    return messages
