"""A back office's reader ends its loop when nothing has come for a while, and its service lives on without it.

The loop has a limit for waiting, so that it could end in a test. After a quiet time it is over, with a line in the log.
The health check asks for the web server only. The twin's loop begins again.

Shown by: the group has process spans, then none while sends to its topic go on; the service's metrics go on, too
(EDA504).
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, aio, kafka_python, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "aiokafka")
GROUP, EACH, WAIT = "pallet-counts", 24, 5.0
log = logging.getLogger("pallets")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    office = {"kafka-python": by_kafka_python, "aiokafka": by_aiokafka}[library]
    with books.serving("back-office", office, topic, faulty):
        books.run("scanner", scanner, topic, 0)
        books.wait("done", EACH)
        books.wait("truck-gone", 1)
        books.run("scanner", scanner, topic, EACH)
        if faulty:
            time.sleep(4)
        else:
            books.wait("done", 2 * EACH)
    books.close_topic(topic, GROUP)
    if faulty:
        assert books.count("done") == EACH
        books.note("must", code="EDA504", where={"group": GROUP, "destination": topic})


def scanner(topic: str, first: int) -> None:
    """Scan a truck's pallets, one after the other."""
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=kafka(), value_serializer=lambda event: json.dumps(event).encode())
    for number in range(first, first + EACH):
        note("sent", f"pallet-{number}", to=topic)
        producer.send(topic, {"id": f"pallet-{number}"}, key=b"gate-3").get(30)
        time.sleep(0.2)
    producer.close()


class Pallets:
    """Counts pallets by gates."""

    def __init__(self) -> None:
        self.number = 0

    def count(self, message: Any) -> None:
        name = value(message)["id"]
        note("began", name, message, group=GROUP)
        self.number += 1
        note("done", name, message, group=GROUP)

    def quiet(self) -> None:
        """Say that a truck is done, when nothing has come for a while."""
        if self.number and self.number % EACH == 0:
            note("truck-gone")


def by_kafka_python(topic: str, faulty: bool) -> None:
    stop, pallets = Stop(), Pallets()
    # The first truck may be late.
    consumer = kafka_python(topic, GROUP, consumer_timeout_ms=int(WAIT * 1000))

    def read() -> None:
        while not stop.asked:
            for message in consumer:
                pallets.count(message)
                consumer.commit()
            log.info("no more messages")
            pallets.quiet()
            if faulty and pallets.number:
                break

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    while not stop.asked:
        time.sleep(0.2)  # the web server
    reader.join(10)
    consumer.close()


def by_aiokafka(topic: str, faulty: bool) -> None:
    async def main() -> None:
        stop, pallets, consumer = Stop(), Pallets(), aio(topic, GROUP)
        await consumer.start()

        async def read() -> None:
            while not stop.asked:
                try:
                    message = await asyncio.wait_for(consumer.getone(), WAIT)
                except asyncio.TimeoutError:
                    log.info("no more messages")
                    pallets.quiet()
                    if faulty and pallets.number:
                        break
                    continue
                pallets.count(message)
                await consumer.commit()

        reader = asyncio.create_task(read())
        while not stop.asked:
            await asyncio.sleep(0.2)
        await reader
        await consumer.stop()

    asyncio.run(main())
