"""The shop's own event library over kafka-python."""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from kafka import ConsumerRebalanceListener, KafkaConsumer, KafkaProducer

KAFKA_VERSION = (2, 3)  # librdkafka's mock broker does not answer kafka-python's own probe
FETCH_WAIT = 10  # milliseconds; the mock broker lets a fetch wait to its end even when messages come


@dataclass(frozen=True)
class Event:
    """Something that happened, with the facts about it."""

    event_type: str
    data: dict[str, Any]


Handler: TypeAlias = Callable[[Event], None]


class EventHandler:
    """Calls the handlers registered for an event's type."""

    def __init__(self) -> None:
        self.handlers: dict[str, list[Handler]] = defaultdict(list)

    def register(self, event_type: str, handler: Handler) -> None:
        """Have `handler` called for every event of this type."""
        self.handlers[event_type].append(handler)

    def handle(self, event: Event) -> None:
        """Call the event's handlers in the order of their registration."""
        for handler in self.handlers[event.event_type]:
            handler(event)


class Producer:
    """Publishes events to topics."""

    def __init__(self, broker: str, name: str) -> None:
        self.client = KafkaProducer(bootstrap_servers=broker, client_id=name, api_version=KAFKA_VERSION)

    def publish(self, topic: str, event: Event) -> None:
        """Send an event; events of one order stay in their order."""
        key = str(event.data.get("order", "")).encode()
        self.client.send(topic, key=key, value=json.dumps(asdict(event)).encode())

    def close(self) -> None:
        """Wait until everything is sent."""
        self.client.close()


class Ready(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    """Says when the broker has given us our partitions."""

    def on_partitions_revoked(self, revoked: object) -> None:
        """Have nothing to give back."""

    def on_partitions_assigned(self, assigned: object) -> None:
        """Say so."""
        if assigned:
            print("ready", flush=True)


class Consumer:
    """Hands every event of a topic to an event handler until the day is over."""

    def __init__(self, broker: str, topic: str, group: str) -> None:
        self.client = KafkaConsumer(
            bootstrap_servers=broker,
            client_id=group,
            group_id=group,
            auto_offset_reset="earliest",
            consumer_timeout_ms=30_000,
            fetch_max_wait_ms=FETCH_WAIT,
            api_version=KAFKA_VERSION,
        )
        self.client.subscribe([topic], listener=Ready())

    def run(self, handle: Handler) -> None:
        """Read until as many events came as the day's last one says; it may overtake others on its own partition."""
        last = None
        for seen, message in enumerate(self.client, start=1):
            event = Event(**json.loads(message.value))
            handle(event)
            last = event.data["events"] if event.event_type == "day.closed" else last
            if seen == last:
                break
        self.client.close()


def options() -> argparse.Namespace:
    """Read a service's command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--broker", required=True)
    parser.add_argument("--orders", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()
