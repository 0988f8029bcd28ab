"""A stage reads rides and writes receipts: killed between writing and committing, it writes some twice; or knows them.

The receipts have an id of their ride, in the header `event-id`. Shown by: two send spans with one
`messaging.message.id` from two processes (EDA201), and two process spans without an error for each ride of the batch,
in two processes, with no commit between them (EDA202). In the twin a table says which receipts are written, so the
second attempt does nothing.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
import uuid
from contextlib import closing
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, publish, value, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka", "aiokafka")
GROUP, MAIL, COUNT, BATCH = "ride-receipts", "receipt-mail", 30, 10
HOUSE = uuid.UUID("6b1f7c1e-27f4-4a5c-9d3e-6f8b5b0c9a11")
NONE = ""


def play(books: Books, library: str, faulty: bool) -> None:
    rides, receipts, table = books.topic(1), books.topic(1), str(books.file.with_suffix(".written"))
    with closing(sqlite3.connect(table)) as database:
        database.execute("CREATE TABLE written (id TEXT PRIMARY KEY)")
    stage = {"confluent-kafka": by_confluent, "aiokafka": by_aiokafka}[library]
    table = NONE if faulty else table
    books.run("rides", ride, library, rides)
    with books.running("ride-receipts", stage, rides, receipts, table, True) as first:
        books.wait("uploading", 1)
        time.sleep(3)
        books.kill("ride-receipts", first)
    with books.serving("ride-receipts", stage, rides, receipts, table, False):
        books.wait("through", COUNT + books.count("hung"))
    books.run("receipt-mail", mail, library, receipts)
    books.close_topic(rides, GROUP)
    books.close_topic(receipts, MAIL)
    if faulty:
        books.note("must", code="EDA201", where={"destination": receipts})


def ride(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"ride-{n}", "metres": 900 + 70 * n} for n in range(COUNT)])


class Written:
    """The receipts that are written, if anybody keeps a list of them."""

    def __init__(self, path: str) -> None:
        self.path = path

    def has(self, name: str) -> bool:
        if not self.path:
            return False
        with closing(sqlite3.connect(self.path, timeout=30)) as database:
            return database.execute("SELECT 1 FROM written WHERE id = ?", (name,)).fetchone() is not None

    def add(self, names: list[str]) -> None:
        if self.path:
            with closing(sqlite3.connect(self.path, timeout=30)) as database, database:
                database.executemany("INSERT INTO written VALUES (?)", [(name,) for name in names])


def receipt(event: dict[str, Any]) -> tuple[bytes, Any]:
    name = str(uuid.uuid5(HOUSE, event["id"]))
    body = {"id": name, "ride": event["id"], "cents": event["metres"] // 10}
    return json.dumps(body).encode(), [("event-id", name.encode()), ("event-type", b"receipt.written")]


def uploading(batch: int, names: list[str], hangs: bool) -> bool:
    """Tell whether the checkpoint's upload hangs, as it does once, for the second batch of a process."""
    if not hangs or batch != 1:
        return False
    for name in names:
        note("hung", name)
    note("uploading")
    return True


def by_confluent(rides: str, receipts: str, table: str, hangs: bool) -> None:
    from confluent_kafka import Consumer, Producer

    stop, written, batches = Stop(), Written(table), 0
    producer = Producer({"bootstrap.servers": kafka(), "linger.ms": 1})
    config = {"bootstrap.servers": kafka(), "group.id": GROUP, "auto.offset.reset": "earliest"}
    consumer = Consumer({**config, "enable.auto.commit": False, "session.timeout.ms": 6000})
    consumer.subscribe([rides])
    while not stop.asked:
        names = []
        for message in (batch := consumer.consume(BATCH, timeout=1)):
            event = value(message)
            note("began", event["id"], message, group=GROUP)
            if written.has(event["id"]):
                note("filtered", event["id"], message, group=GROUP)
                note("through")
                continue
            body, headers = receipt(event)
            note("sent", json.loads(body)["id"], to=receipts)
            producer.produce(receipts, body, key=event["id"], headers=headers)
            names.append(event["id"])
            note("done", event["id"], message, group=GROUP)
            note("through")
        if not batch:
            continue
        producer.flush()
        written.add(names)
        if uploading(batches, names, hangs):
            time.sleep(120)
        batches += 1
        consumer.commit(asynchronous=False)
    consumer.close()


def by_aiokafka(rides: str, receipts: str, table: str, hangs: bool) -> None:
    async def main() -> None:
        from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

        stop, written, batches = Stop(), Written(table), 0
        config = {"bootstrap_servers": kafka(), "group_id": GROUP, "auto_offset_reset": "earliest"}
        consumer = AIOKafkaConsumer(rides, enable_auto_commit=False, session_timeout_ms=6000, **config)
        async with consumer, AIOKafkaProducer(bootstrap_servers=kafka()) as producer:
            while not stop.asked:
                found = await consumer.getmany(timeout_ms=1000, max_records=BATCH)
                names = []
                for records in found.values():
                    for record in records:
                        event = value(record)
                        note("began", event["id"], record, group=GROUP)
                        if written.has(event["id"]):
                            note("filtered", event["id"], record, group=GROUP)
                            note("through")
                            continue
                        body, headers = receipt(event)
                        note("sent", json.loads(body)["id"], to=receipts)
                        await producer.send_and_wait(receipts, body, key=event["id"].encode(), headers=headers)
                        names.append(event["id"])
                        note("done", event["id"], record, group=GROUP)
                        note("through")
                if not found:
                    continue
                written.add(names)
                if uploading(batches, names, hangs):
                    await asyncio.sleep(120)
                batches += 1
                await consumer.commit()

    asyncio.run(main())


def mail(library: str, topic: str) -> None:
    def send(event: dict[str, Any], message: Any) -> None:
        note("began", event["id"], message, group=MAIL)
        note("done", event["id"], message, group=MAIL)

    work(library, topic, MAIL, send)
