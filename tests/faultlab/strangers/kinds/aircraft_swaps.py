"""A crew planner's consumer cannot read the swaps of leased aircraft: it logs that and polls on; or it can read both.

A release of operations writes `"tail": "leased"` where there was a number. The planner's deserialiser raises inside of
`DeserializingConsumer.poll`, which has moved on by then, and the next commit passes the swap. The twin's deserialiser
raises as well, but inside, and then takes the form of the new release.

Shown by: the poll that raised has its error, no process span has the offset of that swap, and the commit spans are past
it (EDA104); the error is in the log, too.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, publish

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka",)
GROUP, COUNT, LEASED = "crew-planner", 36, {6, 13, 22, 29}
log = logging.getLogger("crew")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    with books.serving("crew-planner", planner, topic, faulty):
        books.run("operations", operations, library, topic)
        books.wait("done", COUNT - len(LEASED) if faulty else COUNT)
    books.close_topic(topic, GROUP)
    assert books.count("logged") == (len(LEASED) if faulty else 0)


def operations(library: str, topic: str) -> None:
    swaps = [
        {"id": f"swap-{n}", "flight": f"XY{100 + n}", "tail": "leased" if n in LEASED else n} for n in range(COUNT)
    ]
    publish(library, topic, swaps, key="flight")


@dataclass(frozen=True)
class Swap:
    """Another aircraft for a flight."""

    name: str
    flight: str
    tail: int | None

    @classmethod
    def read(cls, data: bytes, _: Any) -> Swap:
        """Read what operations have always written."""
        fields = json.loads(data)
        return cls(fields["id"], fields["flight"], int(fields["tail"]))

    @classmethod
    def read_either(cls, data: bytes, context: Any) -> Swap:
        """Read what any release has written."""
        try:
            return cls.read(data, context)
        except ValueError:
            fields = json.loads(data)
            return cls(fields["id"], fields["flight"], None)


class Planner:
    """Has the crews of each flight."""

    def __init__(self) -> None:
        self.tails: dict[str, int | None] = {}

    def assign(self, swap: Swap, message: Any) -> None:
        note("began", swap.name, message, group=GROUP)
        self.tails[swap.flight] = swap.tail
        note("done", swap.name, message, group=GROUP)


def consumer_of(topic: str, read: Callable[[bytes, Any], Swap]) -> Any:
    from confluent_kafka import DeserializingConsumer

    settings = {
        "bootstrap.servers": kafka(),
        "group.id": GROUP,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "value.deserializer": read,
    }
    made = DeserializingConsumer(settings)
    made.subscribe([topic])
    return made


def planner(topic: str, faulty: bool) -> None:
    from confluent_kafka.error import ValueDeserializationError

    stop, desk = Stop(), Planner()
    consumer = consumer_of(topic, Swap.read if faulty else Swap.read_either)
    while not stop.asked:
        try:
            message = consumer.poll(0.5)
        except ValueDeserializationError as error:
            log.exception("cannot read a swap")
            refused: Any = error.kafka_message
            name = json.loads(refused.value())["id"]
            note("began", name, refused, group=GROUP)
            note("failed", name, refused, group=GROUP)
            note("logged", name)
            continue
        if message is not None:
            desk.assign(message.value(), message)
            consumer.commit(message, asynchronous=False)
    consumer.close()
