"""A projection's runner logs what the handler of one kind of event raises, and goes on; its twin applies it at the end.

An app's release no longer sends a field. Shown by: within the process span of each such event a log record
(`ERROR`, with the exception), while the span itself has no error; the commit behind it (EDA104).
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, publish, value

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka", "kafka-python")
GROUP, COUNT = "badge-board", 32
KINDS = ("Joined", "CheckedIn", "StreakKept", "CheckedIn")
logger = logging.getLogger("projections")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(2)
    with books.serving(
        "badge-board", {"aiokafka": by_aiokafka, "kafka-python": by_kafka_python}[library], topic, faulty
    ):
        books.wait("up", 1)
        books.run("gym-app", gym_app, library, topic)
        books.wait("done", COUNT - COUNT // len(KINDS) if faulty else COUNT)
        books.wait("committed so far", COUNT)
    books.close_topic(topic, GROUP)


def gym_app(library: str, topic: str) -> None:
    def event(number: int) -> dict[str, Any]:
        kind = KINDS[number % len(KINDS)]
        return {
            "id": f"e{number}",
            "kind": kind,
            "member": number // len(KINDS),
            **({"days": 7} if kind == "Joined" else {}),
        }

    publish(library, topic, [event(number) for number in range(COUNT)], "member")


class Projector:
    """Calls `on_…` for each kind of event."""

    def __init__(self, patient: bool) -> None:
        self.patient = patient
        self.later: list[tuple[Callable[[dict[str, Any]], None], dict[str, Any], Any]] = []

    def feed(self, message: Any) -> None:
        event = value(message)
        method: Callable[[dict[str, Any]], None] = getattr(self, f"on_{event['kind'].lower()}")
        note("began", event["id"], message, group=GROUP)
        try:
            method(event)
        except LookupError as error:
            if self.patient:
                logger.info("%s has to wait for the end of its batch: %r", event["id"], error)
                self.later.append((method, event, message))
                return
            note("failed", event["id"], message, group=GROUP)
            logger.exception("projection failed on %s", event["kind"])
            note("logged", event["id"], message, group=GROUP)
        else:
            note("done", event["id"], message, group=GROUP)

    def end_of_batch(self) -> None:
        for method, event, message in self.later:
            method({"days": 1, **event})
            note("done", event["id"], message, group=GROUP)
        self.later.clear()


class BadgeBoard(Projector):
    """Who has which badge."""

    def __init__(self, patient: bool) -> None:
        super().__init__(patient)
        self.badges: dict[int, set[str]] = {}
        self.visits = 0

    def on_joined(self, event: dict[str, Any]) -> None:
        self.badges[event["member"]] = {"new"}

    def on_checkedin(self, _: dict[str, Any]) -> None:
        self.visits += 1

    def on_streakkept(self, event: dict[str, Any]) -> None:
        self.badges.setdefault(event["member"], set()).add(f"streak-{event['days']}")


def by_aiokafka(topic: str, faulty: bool) -> None:
    async def main() -> None:
        from aiokafka import AIOKafkaConsumer

        stop, board = Stop(), BadgeBoard(not faulty)
        consumer = AIOKafkaConsumer(
            topic, bootstrap_servers=kafka(), group_id=GROUP, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        await consumer.start()
        note("up")
        try:
            while not stop.asked:
                polled = await consumer.getmany(timeout_ms=300)
                for records in polled.values():
                    for record in records:
                        board.feed(record)
                        await asyncio.sleep(0.005)
                board.end_of_batch()
                if polled:
                    await consumer.commit()
                    for _ in range(sum(map(len, polled.values()))):
                        note("committed so far")
        finally:
            await consumer.stop()

    asyncio.run(main())


def by_kafka_python(topic: str, faulty: bool) -> None:
    from kafka import KafkaConsumer

    stop, board = Stop(), BadgeBoard(not faulty)
    consumer = KafkaConsumer(
        topic, bootstrap_servers=kafka(), group_id=GROUP, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    note("up")
    while not stop.asked:
        polled = consumer.poll(timeout_ms=300)
        for records in polled.values():
            for record in records:
                board.feed(record)
        board.end_of_batch()
        if polled:
            consumer.commit()
            for _ in range(sum(map(len, polled.values()))):
                note("committed so far")
    consumer.close()
