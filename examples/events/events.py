"""A small event library over Kafka: an event, a registry of handlers, a producer and a consumer."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from kafka import KafkaConsumer, KafkaProducer

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Event:
    """Something that happened."""

    event_type: str
    data: dict[str, Any]


class EventHandler:
    """Calls the handlers that are registered for an event's type."""

    def __init__(self) -> None:
        self.handlers: dict[str, list[Callable[[Event], None]]] = defaultdict(list)

    def register(self, event_type: str, handler: Callable[[Event], None]) -> None:
        self.handlers[event_type].append(handler)

    def handle(self, event: Event) -> None:
        for handler in self.handlers.get(event.event_type, ()):
            handler(event)


class Producer:
    """Publishes events."""

    def __init__(self, broker: str) -> None:
        self.client = KafkaProducer(bootstrap_servers=broker)

    def send(self, topic: str, event: Event) -> None:
        self.client.send(topic, json.dumps(asdict(event)).encode())

    def close(self) -> None:
        self.client.close()


class Consumer:
    """Reads events until it is interrupted."""

    def __init__(self, broker: str, topic: str, group: str) -> None:
        self.client = KafkaConsumer(topic, bootstrap_servers=broker, group_id=group, auto_offset_reset="earliest")

    def run(self, handler: EventHandler) -> None:
        for message in self.client:
            event = Event(**json.loads(message.value))
            try:
                handler.handle(event)
            except Exception:  # one bad event does not stop the others
                logging.exception("%s failed", event)

    def close(self) -> None:
        self.client.close()
