"""A sync of addresses has had an expired token since a deploy: most go to a dead-letter topic that nobody reads.

Addresses abroad go to another system and are well. The twin's client gets itself a new token after the first refusal,
and has been told to try again.

Shown by: the process spans of most addresses have the event `eda.process.error_logged` (EDA401, a SUSPECT), and below
each is a send to `….dlt` (EDA405), of which no process has a span (EDA107).
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, aio, kafka_python, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "aiokafka")
GROUP, COUNT = "address-sync", 40
log = logging.getLogger("addresses")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    dead = books.stage.lab.kafka.topic(1, f"{topic}.dlt")
    sync = {"kafka-python": by_kafka_python, "aiokafka": by_aiokafka}[library]
    abroad = COUNT // 4
    with books.serving("address-sync", sync, topic, dead, faulty):
        books.run("crm", crm, library, topic)
        books.wait("done", abroad if faulty else COUNT)
        books.wait("aside", COUNT - abroad if faulty else 0)
    books.close_topic(topic, GROUP)
    if faulty:
        books.note("unread", to=dead)


def crm(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"address-{n}", "country": "DE" if n % 4 else "AT"} for n in range(COUNT)])


class Partner:
    """The partner's API."""

    def __init__(self, renews: bool) -> None:
        self.renews = renews
        self.fresh = False

    def put(self, event: dict[str, Any]) -> None:
        if event["country"] != "AT" and not self.fresh:
            if self.renews:
                self.fresh = True
            raise PermissionError("401 token expired")


class Sync:
    """Puts addresses to the partner."""

    def __init__(self, faulty: bool) -> None:
        self.faulty = faulty
        self.partner = Partner(renews=not faulty)

    def run(self, message: Any) -> None:
        event = value(message)
        note("began", event["id"], message, group=GROUP)
        try:
            try:
                self.partner.put(event)
            except PermissionError as error:
                if self.faulty:
                    raise
                log.info("once more: %s", error)
                self.partner.put(event)
        except PermissionError:
            note("failed", event["id"], message, group=GROUP)
            note("logged", event["id"])
            raise
        note("done", event["id"], message, group=GROUP)


def by_kafka_python(topic: str, dead: str, faulty: bool) -> None:
    from kafka import KafkaProducer

    stop, sync, consumer = Stop(), Sync(faulty), kafka_python(topic, GROUP, consumer_timeout_ms=300)
    producer = KafkaProducer(bootstrap_servers=kafka())
    while not stop.asked:
        for message in consumer:
            try:
                sync.run(message)
            except PermissionError:
                log.exception("set aside: %s", message.offset)
                producer.send(dead, message.value, key=message.key).get(30)
                note("aside", value(message)["id"], message, group=GROUP)
            consumer.commit()
    producer.close()
    consumer.close()


def by_aiokafka(topic: str, dead: str, faulty: bool) -> None:
    async def main() -> None:
        from aiokafka import AIOKafkaProducer

        stop, sync = Stop(), Sync(faulty)
        async with aio(topic, GROUP) as consumer, AIOKafkaProducer(bootstrap_servers=kafka()) as producer:
            while not stop.asked:
                for records in (await consumer.getmany(timeout_ms=300)).values():
                    for message in records:
                        try:
                            sync.run(message)
                        except PermissionError:
                            log.exception("set aside: %s", message.offset)
                            await producer.send_and_wait(dead, message.value, message.key)
                            note("aside", value(message)["id"], message, group=GROUP)
                await consumer.commit()

    asyncio.run(main())
