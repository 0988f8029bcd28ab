"""A consumer that is made anew after each error commits what it failed at at its end; its twin commits what is done.

With automatic commits, a client that is closed in good order commits how far it has read. Shown by: the process span of
each such message, which an exception leaves, a commit past it (`eda.commits`, `eda.commit.offset` of the event
`eda.consumer.position`), and nobody who has it again (EDA104).
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import LIBRARIES, Stop, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
GROUP, COUNT, MERGED = "crm-sync", 24, {7, 15}
log = logging.getLogger("crm-sync")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    run = {"kafka-python": by_kafka_python, "confluent-kafka": by_confluent, "aiokafka": by_aiokafka}[library]
    books.run("contacts", contacts, library, topic)
    with books.serving("crm-sync", run, topic, faulty):
        books.wait("done", COUNT - len(MERGED) if faulty else COUNT)
        books.wait("failed", len(MERGED))
        time.sleep(1)
    books.close_topic(topic, GROUP)


def contacts(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"contact-{n}", "merged": n in MERGED} for n in range(COUNT)])


class Crm:
    """The other system, by its interface: it knows merged contacts by another number, or a moment later."""

    def __init__(self, never: bool) -> None:
        self.never = never
        self.asked: set[str] = set()

    def update(self, message: Any) -> None:
        contact = value(message)
        note("began", contact["id"], message, group=GROUP)
        first = contact["id"] not in self.asked
        self.asked.add(contact["id"])
        if contact["merged"] and (first or self.never):
            note("failed", contact["id"], message, group=GROUP)
            raise ConnectionError(f"409: {contact['id']} has been merged")
        note("done", contact["id"], message, group=GROUP)


def by_kafka_python(topic: str, auto: bool) -> None:
    from kafka import KafkaConsumer

    stop, crm = Stop(), Crm(auto)

    def consume() -> None:
        consumer = KafkaConsumer(
            topic,
            bootstrap_servers=kafka(),
            group_id=GROUP,
            auto_offset_reset="earliest",
            enable_auto_commit=auto,
            consumer_timeout_ms=500,
        )
        try:
            while not stop.asked:
                for record in consumer:
                    crm.update(record)
                    if not auto:
                        consumer.commit()
        finally:
            consumer.close()

    while not stop.asked:
        try:
            consume()
        except Exception as error:
            log.warning("connects anew after %r", error)
            time.sleep(0.2)


def by_confluent(topic: str, auto: bool) -> None:
    from confluent_kafka import Consumer

    stop, crm = Stop(), Crm(auto)
    config = {"bootstrap.servers": kafka(), "group.id": GROUP, "auto.offset.reset": "earliest"}

    def consume() -> None:
        consumer = Consumer({**config, "enable.auto.commit": auto})
        consumer.subscribe([topic])
        try:
            while not stop.asked:
                message = consumer.poll(0.5)
                if message is None or message.error():
                    continue
                crm.update(message)
                if not auto:
                    consumer.commit(message=message, asynchronous=False)
        finally:
            consumer.close()

    while not stop.asked:
        try:
            consume()
        except Exception as error:
            log.warning("connects anew after %r", error)
            time.sleep(0.2)


def by_aiokafka(topic: str, auto: bool) -> None:
    async def consume(stop: Stop, crm: Crm) -> None:
        from aiokafka import AIOKafkaConsumer

        config = {"bootstrap_servers": kafka(), "group_id": GROUP, "auto_offset_reset": "earliest"}
        async with AIOKafkaConsumer(topic, enable_auto_commit=auto, **config) as consumer:
            while not stop.asked:
                try:
                    record = await asyncio.wait_for(consumer.getone(), 0.5)
                except asyncio.TimeoutError:
                    continue
                crm.update(record)
                if not auto:
                    await consumer.commit()

    async def main() -> None:
        stop, crm = Stop(), Crm(auto)
        while not stop.asked:
            try:
                await consume(stop, crm)
            except Exception as error:
                log.warning("connects anew after %r", error)
                await asyncio.sleep(0.2)

    asyncio.run(main())
