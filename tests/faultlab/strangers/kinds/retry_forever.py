"""A base class tries each message until it succeeds: one never does, and its partition stands; or the fifth try does.

Shown by: several process spans of one offset, each with an `error.type` (kafka-python) or the event
`eda.process.error_logged` (aiokafka), `eda.message.redelivered` from the second on; no commit of the partition follows.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, kafka_python, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "aiokafka")
GROUP = "parcel-labels"
COUNT, BAD = 40, "parcel-12"
log = logging.getLogger("labels")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(2)
    with books.running("parcel-labels", run_sync if library == "kafka-python" else run_async, topic, faulty) as labels:
        books.run("parcels", parcels, topic)
        if faulty:
            books.wait("done", COUNT // 2 + 6)
            books.wait("failed", 5)
        else:
            books.wait("done", COUNT)
        books.stop(labels)
    books.close_topic(topic, GROUP)
    if faulty:
        books.note("may", code="EDA504", where={"group": GROUP, "destination": topic})
    # aiokafka's loop waits before the next try within the pass of its message.
    books.note("may", code="EDA502", where={"group": GROUP, "destination": topic, "offset": 6})


def parcels(topic: str) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka()})
    for number in range(COUNT):
        parcel = {"id": f"parcel-{number}", "grams": 0 if f"parcel-{number}" == BAD else 100 + number}
        note("sent", parcel["id"], to=topic)
        producer.produce(topic, json.dumps(parcel), partition=number % 2)
        producer.poll(0.02)
    producer.flush(60)


class Labels:
    """Prints the label of a parcel."""

    def __init__(self, faulty: bool) -> None:
        self.faulty, self.tries = faulty, 0

    def backoff(self) -> float:
        """Say how many seconds to wait before the next try: ever longer, so that it is no storm."""
        return float(min(0.1 * 2**self.tries, 10))

    def handle(self, message: Any) -> None:
        parcel = value(message)
        note("began", parcel["id"], message, group=GROUP)
        try:
            self.label(parcel)
        except ZeroDivisionError:
            note("failed", parcel["id"], message, group=GROUP)
            raise
        note("done", parcel["id"], message, group=GROUP)

    def label(self, parcel: dict[str, Any]) -> float:
        if parcel["grams"] == 0:
            self.tries += 1
            if self.tries == 5 and not self.faulty:
                parcel["grams"] = 750  # somebody has weighed it
        return 1000 / int(parcel["grams"])


def run_sync(topic: str, faulty: bool) -> None:
    from kafka.structs import OffsetAndMetadata

    stop, labels = Stop(), Labels(faulty)
    consumer = kafka_python(topic, GROUP, session_timeout_ms=20_000)
    while not stop.asked:
        for partition, records in consumer.poll(timeout_ms=300, max_records=10).items():
            done = records[0].offset
            try:
                for record in records:
                    labels.handle(record)
                    done = record.offset + 1
            except Exception:
                log.exception("%s once more, from %d on", partition, done)
                consumer.seek(partition, done)
                time.sleep(labels.backoff())
            consumer.commit({partition: OffsetAndMetadata(done, "", -1)})
    consumer.close()


def run_async(topic: str, faulty: bool) -> None:
    asyncio.run(main(topic, faulty))


async def main(topic: str, faulty: bool) -> None:
    from aiokafka import AIOKafkaConsumer

    stop, labels = Stop(), Labels(faulty)
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=kafka(), group_id=GROUP, auto_offset_reset="earliest", enable_auto_commit=False
    ) as consumer:
        while not stop.asked:
            for partition, records in (await consumer.getmany(timeout_ms=300, max_records=10)).items():
                for record in records:
                    try:
                        labels.handle(record)
                    except Exception:
                        log.exception("%s at %d once more", partition, record.offset)
                        consumer.seek(partition, record.offset)
                        await asyncio.sleep(labels.backoff())
                        break
                    await consumer.commit({partition: record.offset + 1})
