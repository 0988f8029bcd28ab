"""Telemetry of known truth: services that send, process and commit, written as the OTLP JSON lines of an exporter."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

BEGIN = 1_790_000_000_000_000_000
SECOND = 1_000_000_000
Said: TypeAlias = "dict[str, Any]"
KINDS = {"send": 4, "receive": 3, "process": 5, "settle": 3}


@dataclass
class Span:
    """One span as OTLP has it."""

    json: dict[str, Any]

    @property
    def trace(self) -> str:
        return str(self.json["traceId"])

    @property
    def id(self) -> str:
        return str(self.json["spanId"])


@dataclass
class Message:
    """A message that was sent: its span, and where it is."""

    span: Span
    destination: str
    partition: str | None
    offset: int | None

    @property
    def link(self) -> dict[str, Any]:
        attributes = {"messaging.destination.partition.id": self.partition, "messaging.kafka.offset": self.offset}
        return {"traceId": self.span.trace, "spanId": self.span.id, "attributes": pairs(attributes)}


def pairs(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": value(item)} for key, item in attributes.items() if item is not None]


def value(item: object) -> dict[str, Any]:
    if isinstance(item, bool):
        return {"boolValue": item}
    if isinstance(item, int):
        return {"intValue": str(item)}
    return {"doubleValue": item} if isinstance(item, float) else {"stringValue": item}


@dataclass
class Service:
    """One process of a service. Times are seconds since the begin, by a clock that may be `skew` seconds ahead."""

    world: Telemetry
    name: str
    instance: str
    host: str = "host-1"
    group: str | None = None
    skew: float = 0.0
    spans: list[Span] = field(default_factory=list)
    system: str = "kafka"
    more: Said = field(default_factory=dict)

    def send(
        self,
        destination: str,
        at: float,
        offset: int | None = None,
        partition: int = 0,
        *,
        took: float = 0.002,
        parent: Span | None = None,
        error: str | None = None,
        said: Said | None = None,
    ) -> Message:
        place = None if offset is None else str(partition)
        position = {"messaging.destination.partition.id": place, "messaging.kafka.offset": offset}
        made = self._span("send", destination, at, took, {"error.type": error, **position, **(said or {})}, parent)
        return Message(made, destination, place, offset)

    def process(
        self,
        message: Message,
        at: float,
        took: float = 0.003,
        *,
        error: str | None = None,
        said: Said | None = None,
    ) -> Span:
        attributes = {
            "error.type": error,
            "messaging.consumer.group.name": self.group,
            "messaging.destination.partition.id": message.partition,
            "messaging.kafka.offset": message.offset,
            **(said or {}),
        }
        made = self._span("process", message.destination, at, took, attributes, message.span)
        made.json["links"] = [{"traceId": message.span.trace, "spanId": message.span.id}]
        return made

    def receive(self, messages: list[Message], at: float, took: float = 0.001) -> Span:
        attributes = {"messaging.consumer.group.name": self.group, "messaging.batch.message_count": len(messages)}
        made = self._span("receive", messages[0].destination, at, took, attributes)
        made.json["links"] = [message.link for message in messages]
        return made

    def commit(self, destination: str, at: float, offset: int, partition: int = 0) -> Span:
        attributes = {
            "messaging.consumer.group.name": self.group,
            "messaging.destination.partition.id": str(partition),
            "eda.commit.offset": offset,
        }
        return self._span("settle", destination, at, 0.001, attributes)

    def _span(  # noqa: PLR0917
        self, type_: str, destination: str, at: float, took: float, attributes: Said, parent: Span | None = None
    ) -> Span:
        verb = {"receive": "poll", "settle": "commit"}.get(type_, type_)
        said = {
            "messaging.system": self.system,
            "messaging.operation.name": verb,
            "messaging.operation.type": type_,
            "messaging.destination.name": destination,
            "messaging.client.id": self.name,
            "server.address": "broker",
            "server.port": 9092,
            **attributes,
        }
        return self.other(f"{verb} {destination}", at, took, parent, said=said, kind=KINDS[type_])

    def other(
        self,
        name: str,
        at: float,
        took: float,
        parent: Span | None = None,
        *,
        said: Said | None = None,
        kind: int = 1,
    ) -> Span:
        start = BEGIN + round((at + self.skew) * SECOND)
        error = (said or {}).get("error.type")
        made: dict[str, Any] = {
            "traceId": parent.trace if parent else self.world.id(16),
            "spanId": self.world.id(8),
            "name": name,
            "kind": kind,
            "startTimeUnixNano": str(start),
            "endTimeUnixNano": str(start + round(took * SECOND)),
            "attributes": pairs(said or {}),
            "status": {"code": 2, "message": f"{error} it is"} if error else {},
        }
        if parent:
            made["parentSpanId"] = parent.id
        span = Span(made)
        self.spans.append(span)
        return span

    @property
    def resource(self) -> dict[str, Any]:
        known = {"service.name": self.name, "service.instance.id": self.instance, "host.name": self.host}
        return {"attributes": pairs({**known, **self.more})}


class Telemetry:
    """Some services, and what they export."""

    def __init__(self, seed: int = 1) -> None:
        self.luck = random.Random(seed)
        self.services: list[Service] = []
        self.metrics = True
        self.extra: list[dict[str, Any]] = []

    def id(self, length: int) -> str:
        return self.luck.randbytes(length).hex()

    def service(self, name: str, **more: Any) -> Service:
        number = sum(service.name == name for service in self.services)
        made = Service(self, name, f"{name}-{number}", **more)
        self.services.append(made)
        return made

    def lines(self, size: int = 50) -> list[str]:
        """Give every request as a line."""
        requests = [
            scoped(service, "resourceSpans", "scopeSpans", "spans", [span.json for span in part])
            for service in self.services
            for part in (service.spans[start : start + size] for start in range(0, len(service.spans), size))
        ]
        if self.metrics:
            requests += [counted(service) for service in self.services if service.spans]
        return [json.dumps(request) for request in [*requests, *self.extra]]

    def write(self, folder: Path) -> Path:
        path = folder / "telemetry.jsonl"
        path.write_text("\n".join(self.lines()) + "\n", encoding="utf-8")
        return path


def scoped(service: Service, top: str, scopes: str, items: str, every: list[dict[str, Any]]) -> dict[str, Any]:
    return {top: [{"resource": service.resource, scopes: [{"scope": {"name": "otel_eda.tests"}, items: every}]}]}


def counted(service: Service) -> dict[str, Any]:
    """Count a service's messages as its metrics would."""
    numbers: dict[tuple[str, str], int] = {}
    last = max(int(span.json["endTimeUnixNano"]) for span in service.spans) + SECOND
    for span in service.spans:
        said = {pair["key"]: next(iter(pair["value"].values())) for pair in span.json["attributes"]}
        key = said.get("messaging.operation.type", ""), said.get("messaging.destination.name", "")
        numbers[key] = numbers.get(key, 0) + 1
    metrics = [
        metric(type_, number, last, {"messaging.destination.name": destination})
        for (type_, destination), number in numbers.items()
        if type_ in {"send", "process"}
    ]
    return scoped(service, "resourceMetrics", "scopeMetrics", "metrics", metrics)


def metric(type_: str, number: int, time: int, attributes: dict[str, Any]) -> dict[str, Any]:
    point = {"timeUnixNano": str(time), "startTimeUnixNano": str(BEGIN), "attributes": pairs(attributes)}
    if type_ == "send":
        points = {"dataPoints": [{**point, "asInt": str(number)}], "aggregationTemporality": 2, "isMonotonic": True}
        return {"name": "messaging.client.sent.messages", "sum": points}
    points = {"dataPoints": [{**point, "count": str(number), "sum": 1.0}], "aggregationTemporality": 2}
    return {"name": "messaging.process.duration", "histogram": points}


@dataclass
class Flow:
    """A shop that sends orders, and billing that processes and commits each: no fault in it."""

    world: Telemetry
    shop: Service
    billing: Service
    messages: list[Message]
    works: list[Span]

    @property
    def end(self) -> float:
        """A time well after everything, at which the services still live."""
        return 60.0


def flow(
    number: int = 40,
    partitions: int = 2,
    skip: set[int] | None = None,
    committed: int | None = None,
    seed: int = 1,
    **more: Any,
) -> Flow:
    """Let orders flow; the consumer does not touch those to be skipped, and commits no offset above `committed`."""
    world = Telemetry(seed)
    shop, billing = world.service("shop"), world.service("billing", group="billing", **more)
    messages, works = [], []
    for turn in range(number):
        partition, offset, at = turn % partitions, turn // partitions, turn * 0.1
        message = shop.send("orders", at, offset, partition)
        messages.append(message)
        if turn not in (skip or set()):
            works.append(billing.process(message, at + 0.01))
            if committed is None or offset < committed:
                billing.commit("orders", at + 0.02, offset + 1, partition)
    for service in (shop, billing):
        service.other("still here", 60.0, 0.01)
    return Flow(world, shop, billing, messages, works)
