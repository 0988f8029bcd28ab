"""The shop's own event library over kafka-python."""

from __future__ import annotations

import argparse
import json
import logging
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from kafka import ConsumerRebalanceListener, KafkaConsumer, KafkaProducer, TopicPartition

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
    """Hands every event of a topic to an event handler until the day is over.

    An event that fails is read again up to `tries` times, then `give_up` may do something else with it.
    """

    def __init__(self, broker: str, topic: str, group: str, tries: int = 1, give_up: Handler | None = None) -> None:
        self.tries = tries
        self.give_up = give_up
        self.failures: Counter[tuple[TopicPartition, int]] = Counter()
        self.done = 0
        self.expected: int | None = None
        self.client = KafkaConsumer(
            bootstrap_servers=broker,
            client_id=group,
            group_id=group,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=FETCH_WAIT,
            api_version=KAFKA_VERSION,
        )
        self.client.subscribe([topic], listener=Ready())

    def run(self, handle: Handler) -> None:
        """Read until as many events were done with as the day's last one says; it may overtake those of other keys."""
        while self.done != self.expected:
            self._go_on(handle)
        self.client.close()

    def _go_on(self, handle: Handler) -> None:
        try:
            self._read(handle)
        except Exception:
            logging.exception("an event was not handled")

    def _read(self, handle: Handler) -> None:
        for message in self.client:
            event = Event(**json.loads(message.value))
            self.expected = event.data.get("events", self.expected)
            try:
                handle(event)
            except Exception:
                self._failed(message, event)
                raise
            self.done += 1
            if self.done == self.expected:
                break

    def _failed(self, message: Any, event: Event) -> None:
        place = TopicPartition(message.topic, message.partition)
        self.failures[place, message.offset] += 1
        if self.failures[place, message.offset] < self.tries:
            self.client.seek(place, message.offset)
            return
        self.done += 1
        if self.give_up:
            self.give_up(event)


def options() -> argparse.Namespace:
    """Read a service's command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--broker", required=True)
    parser.add_argument("--orders", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pause", type=float, default=0.005, help="seconds between orders, more or less")
    parser.add_argument("--forever", action="store_true", help="have one day after the other")
    return parser.parse_args()
