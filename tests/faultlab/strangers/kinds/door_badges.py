"""A gateway emits what it gets from RabbitMQ to handlers in the process, one of which listens to a misspelt name.

In the twin all names are right, and one handler is bound for one time only, again and again. What shows it: the process
span of the message has the event `eda.event.unhandled`, and the metric `eda.unhandled.events` counts it.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import connect, publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pika", "aio-pika")
KINDS = ("badge.issued", "badge.used", "badge.used", "badge.revoked")
COUNT = 32


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with books.serving("doors", {"pika": by_pika, "aio-pika": by_aio_pika}[library], queue, faulty):
        books.run("reception", reception, library, queue)
        books.wait("done", COUNT)
    books.close_queue(queue)
    assert books.count("closed") == (0 if faulty else COUNT // len(KINDS))
    assert books.count("unheard") == (COUNT // len(KINDS) if faulty else 0)


def reception(library: str, queue: str) -> None:
    events = [{"id": f"event-{n}", "kind": KINDS[n % len(KINDS)], "badge": n // len(KINDS)} for n in range(COUNT)]
    publish(library, queue, events)


class Doors:
    """Which badges open doors."""

    def __init__(self, emitter: Any, faulty: bool) -> None:
        self.emitter, self.good = emitter, set[int]()
        emitter.on("badge.issued", self.admit)
        emitter.on("badge.used", self.look)
        if faulty:
            emitter.on("badge.revokd", self.close)
        else:
            emitter.once("badge.revoked", self.close_once)

    def admit(self, event: dict[str, Any]) -> None:
        self.good.add(event["badge"])

    def look(self, event: dict[str, Any]) -> None:
        note("opened" if event["badge"] in self.good else "refused-entry", event["badge"])

    def close(self, event: dict[str, Any]) -> None:
        self.good.discard(event["badge"])
        note("closed", event["badge"])

    def close_once(self, event: dict[str, Any]) -> None:
        self.close(event)
        self.emitter.once("badge.revoked", self.close_once)

    def handle(self, event: dict[str, Any], message: Any) -> None:
        note("began", event["id"], message)
        if not self.emitter.emit(event["kind"], event):
            note("unheard", event["id"])
            # No span shows what a handler waits for that never runs, so the event may as well be one that nobody wants.
            note("must", code="EDA406", least="SUSPECT", where={"service": "doors", "destination": event["kind"]})
        note("done", event["id"], message)


def by_pika(queue: str, faulty: bool) -> None:
    from pyee import EventEmitter

    stop, doors, connection = Stop(), Doors(EventEmitter(), faulty), connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=8)

    def on_event(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        doors.handle(json.loads(body), properties)
        ch.basic_ack(method.delivery_tag)

    channel.basic_consume(queue, on_event)
    while not stop.asked:
        connection.process_data_events(time_limit=0.2)
    connection.close()


def by_aio_pika(queue: str, faulty: bool) -> None:
    async def main() -> None:
        import aio_pika
        from pyee.asyncio import AsyncIOEventEmitter

        stop, doors = Stop(), Doors(AsyncIOEventEmitter(), faulty)
        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=8)
            source = await channel.get_queue(queue)

            async def on_event(message: Any) -> None:
                async with message.process():
                    doors.handle(json.loads(message.body), message)

            tag = await source.consume(on_event)
            while not stop.asked:
                await asyncio.sleep(0.1)
            await source.cancel(tag)

    asyncio.run(main())
