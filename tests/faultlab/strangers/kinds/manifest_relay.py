"""The relay of a freight broker's outbox is killed after it has sent some manifests, and sends these once more.

Its twin sends each manifest to two topics, for customs and for the archive, on purpose and by the same id. Shown by:
two send spans with one `messaging.message.id` (the header `ce_id`) to one topic, in two processes, at two offsets, both
acknowledged (EDA201).
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

from faultlab.strangers.books import KILLED, kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka",)
COUNT, BATCH, DIES = 24, 8, 2


def play(books: Books, library: str, faulty: bool) -> None:
    topics = [books.topic(1)] if faulty else [books.topic(1), books.topic(1)]
    file = str(books.file.with_suffix(".outbox"))
    create(file)
    if faulty:
        books.run("relay", relay, topics, file, DIES, status=KILLED)
    books.run("relay", relay, topics, file, 0)
    for group, topic in zip(("customs", "archive"), topics, strict=False):
        before = books.count("done")
        with books.serving(group, read, topic, group):
            books.wait("done", before + COUNT + (BATCH if faulty else 0))
            time.sleep(1)
        books.close_topic(topic, group)
    if faulty:
        books.note("must", code="EDA201", where={"destination": topics[0]})


def create(file: str) -> None:
    with closing(sqlite3.connect(file)) as db:
        db.execute("CREATE TABLE outbox (number INTEGER PRIMARY KEY, body TEXT, sent INTEGER DEFAULT 0)")
        rows = [(json.dumps({"id": f"manifest-{n}", "tons": 3 + n % 20}),) for n in range(COUNT)]
        db.executemany("INSERT INTO outbox (body) VALUES (?)", rows)
        db.commit()


def relay(topics: list[str], file: str, dies_at: int) -> None:
    async def main() -> None:
        from aiokafka import AIOKafkaProducer

        batch = 0
        async with AIOKafkaProducer(bootstrap_servers=kafka(), enable_idempotence=True) as producer:
            with closing(sqlite3.connect(file, isolation_level=None)) as db:
                while rows := db.execute("SELECT * FROM outbox WHERE sent = 0 LIMIT ?", [BATCH]).fetchall():
                    batch += 1
                    for _, body, _ in rows:
                        name = json.loads(body)["id"]
                        for topic in topics:
                            note("sent", name, to=topic)
                            await producer.send_and_wait(topic, body.encode(), headers=[("ce_id", name.encode())])
                    if batch == dies_at:
                        await asyncio.sleep(2)  # the database is slow
                        os.kill(os.getpid(), signal.SIGKILL)
                    db.executemany("UPDATE outbox SET sent = 1 WHERE number = ?", [(number,) for number, *_ in rows])

    asyncio.run(main())


def read(topic: str, group: str) -> None:
    from kafka import KafkaConsumer

    stop = Stop()
    consumer = KafkaConsumer(
        topic, bootstrap_servers=kafka(), group_id=group, auto_offset_reset="earliest", enable_auto_commit=False
    )
    while not stop.asked:
        for records in consumer.poll(timeout_ms=300).values():
            for record in records:
                manifest = value(record)
                note("began", manifest["id"], record, group=group)
                note("done", manifest["id"], record, group=group)
            consumer.commit()
    consumer.close()
