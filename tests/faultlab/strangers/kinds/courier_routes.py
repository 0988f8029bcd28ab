"""A FastStream service routes events to handlers by filters, and a new kind has none; the twin has one for the rest.

What shows it: FastStream raises `SubscriberNotFound` for such a message and logs it, while the message's process span
is current, so the span has an error, or at least the event `eda.process.error_logged`. The client commits by itself.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka", "confluent-kafka")
GROUP, COUNT = "courier-map", 30
RETURNED = {4, 11, 18, 25}


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(2)
    with books.running("courier-map", courier_map, library, topic, faulty) as service:
        books.run("depot", depot, library, topic)
        books.wait("done", COUNT - len(RETURNED))
        if not faulty:
            books.wait("filtered", len(RETURNED))
        # One more of each courier, so that whatever is committed is behind all of the others.
        books.run("depot", evening, library, topic)
        books.wait("done", COUNT - len(RETURNED) + 8)
        books.stop(service)
    books.close_topic(topic, GROUP)
    if faulty:
        for number in RETURNED:
            books.note("logged", event=f"scan-{number}")  # by FastStream


def _made(library: str) -> Any:
    if library == "aiokafka":
        from faststream.kafka import KafkaBroker

        return KafkaBroker(kafka())
    from faststream.confluent import KafkaBroker as ConfluentBroker

    return ConfluentBroker(kafka())


async def _scan(broker: Any, topic: str, name: str, courier: int, kind: str) -> None:
    note("sent", name, to=topic)
    await broker.publish({"id": name}, topic, key=b"courier-%d" % courier, headers={"kind": kind})


def depot(library: str, topic: str) -> None:
    async def main() -> None:
        async with _made(library) as broker:
            for number in range(COUNT):
                kind = "returned" if number in RETURNED else ("accepted", "delivered")[number % 2]
                await _scan(broker, topic, f"scan-{number}", number % 8, kind)

    asyncio.run(main())


def evening(library: str, topic: str) -> None:
    async def main() -> None:
        async with _made(library) as broker:
            for courier in range(8):
                await _scan(broker, topic, f"home-{courier}", courier, "delivered")

    asyncio.run(main())


class Positions:
    """Where each parcel was seen last."""

    def __init__(self) -> None:
        self.seen: dict[str, str] = {}

    async def keep(self, kind: str, scan: dict[str, Any], record: Any) -> None:
        note("began", scan["id"], record, group=GROUP)
        await asyncio.sleep(0.005)
        self.seen[scan["id"]] = kind
        note("done", scan["id"], record, group=GROUP)


def of(kind: str) -> Any:
    async def suits(message: Any) -> bool:
        return bool(message.headers.get("kind") == kind)

    return suits


def courier_map(library: str, topic: str, faulty: bool) -> None:
    if library == "aiokafka":
        from faststream.kafka import KafkaMessage
    else:
        from faststream.confluent import KafkaMessage  # type: ignore[assignment]
    from faststream import FastStream

    broker, positions = _made(library), Positions()
    route = broker.subscriber(topic, group_id=GROUP, auto_offset_reset="earliest")

    async def on_accepted(scan: dict[str, Any], message: KafkaMessage) -> None:
        await positions.keep("accepted", scan, message.raw_message)

    async def on_delivered(scan: dict[str, Any], message: KafkaMessage) -> None:
        await positions.keep("delivered", scan, message.raw_message)

    async def on_any(scan: dict[str, Any], message: KafkaMessage) -> None:
        note("began", scan["id"], message.raw_message, group=GROUP)
        note("filtered", scan["id"], message.raw_message, group=GROUP)

    routes: list[tuple[Any, dict[str, Any]]] = [
        (on_accepted, {"filter": of("accepted")}),
        (on_delivered, {"filter": of("delivered")}),
        (on_any, {}),
    ]
    for handler, which in routes[: 2 if faulty else 3]:
        handler.__annotations__ = {"scan": dict, "message": KafkaMessage, "return": None}
        route(handler, **which)
    asyncio.run(FastStream(broker).run())
