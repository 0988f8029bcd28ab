"""Registries of an application, its events, a handler, and what a recorder has of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from support.spans import current

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from support.recorder import Recorder


Handler = Any


@dataclass
class Event:
    event_type: str
    data: object = None


class ByInstance:
    def __init__(self) -> None:
        self.handlers: dict[str, list[Handler]] = {}

    def register(self, event_type: str, handler: Handler) -> None:
        self.handlers.setdefault(event_type, []).append(handler)

    def unregister(self, event_type: str, handler: Handler) -> None:
        self.handlers[event_type].remove(handler)

    def handle(self, event: Event) -> list[object]:
        return [handler(event) for handler in self.handlers.get(event.event_type, [])]


class ByClass:
    handlers: dict[str, list[Handler]] = {}  # noqa: RUF012

    @classmethod
    def register(cls, event_type: str, handler: Handler) -> None:
        cls.handlers.setdefault(event_type, []).append(handler)

    @classmethod
    def handle(cls, event: Event) -> list[object]:
        return [handler(event) for handler in cls.handlers.get(event.event_type, [])]


class Static:
    handlers: dict[str, list[Handler]] = {}  # noqa: RUF012

    @staticmethod
    def register(event_type: str, handler: Handler) -> None:
        Static.handlers.setdefault(event_type, []).append(handler)

    @staticmethod
    def handle(event: Event) -> list[object]:
        return [handler(event) for handler in Static.handlers.get(event.event_type, [])]


class Async(ByInstance):
    async def handle(self, event: Event) -> list[object]:  # type: ignore[override]
        return [await handler(event) for handler in self.handlers.get(event.event_type, [])]


class Shipped:
    """An event that is known by its class."""


def seeing(event: Event) -> tuple[int, int]:
    return current()


def handlers(recorder: Recorder) -> list[ReadableSpan]:
    return [span for span in recorder.ours() if "eda.event.type" in (span.attributes or {})]


def unhandled(recorder: Recorder) -> list[object]:
    return [(point.attributes or {})["eda.event.type"] for point in recorder.points("eda.unhandled.events")]
