from __future__ import annotations

import threading
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from drivers.base import PATIENCE
from support.spans import current

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from brokers.kafka import Kafka
    from support.spans import Ids

QUIET = {"log_level": 0}
NOWHERE = {"bootstrap.servers": "127.0.0.1:1", **QUIET}


class Report:
    """A callback that notes what it is called with, and where."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, Any]] = []
        self.threads: set[int] = set()
        self.spans: list[Ids] = []

    def __call__(self, error: Any, message: Any) -> None:
        self.calls.append((error, message))
        self.threads.add(threading.get_ident())
        self.spans.append(current())


@pytest.fixture
def produced(kafka: Kafka) -> Callable[..., Producer]:
    """Make a producer."""

    def make(**settings: Any) -> Producer:
        given = {name.replace("_", "."): value for name, value in settings.items() if name != "on_delivery"}
        return Producer({"bootstrap.servers": kafka.address, **QUIET, **given, **callback(settings)})

    return make


def callback(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: settings[name] for name in ("on_delivery",) if name in settings}


@pytest.fixture
def reader(kafka: Kafka) -> Iterator[Callable[..., Consumer]]:
    """Make a consumer that reads one topic from its beginning."""
    made: list[Consumer] = []

    def make(topic: str, kind: type[Consumer] = Consumer, **settings: Any) -> Consumer:
        consumer = kind({**reading(kafka.address), **settings})
        consumer.assign([TopicPartition(topic, 0, 0)])
        made.append(consumer)
        return consumer

    yield make
    for consumer in made:
        consumer.close()


def reading(address: str) -> dict[str, Any]:
    """Give the settings of a consumer."""
    return {
        "bootstrap.servers": address,
        "group.id": f"group-{uuid.uuid4().hex}",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "fetch.wait.max.ms": 50,
        **QUIET,
    }


def flush(producer: Producer) -> None:
    assert producer.flush(PATIENCE) == 0
