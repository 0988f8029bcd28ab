"""Impressions are billed with automatic commits once a minute, and the pod is killed: all are billed again; or known.

Somebody has set the interval to a minute, to spare the broker. The pod that takes its place begins where the group had
committed, which is nowhere. The twin has the same interval, and a table of what it has billed.

Shown by: two process spans without an error of one offset, in one group, in two processes (EDA202, LIKELY at most since
automatic commits have no spans).
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, kafka_python, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "aiokafka")
GROUP, COUNT, MORE, MINUTE = "impression-billing", 36, 8, 60_000


def play(books: Books, library: str, faulty: bool) -> None:
    topic, table = books.topic(2), str(books.file.with_suffix(".sqlite"))
    program = {"kafka-python": by_kafka_python, "aiokafka": by_aiokafka}[library]
    with books.running("impression-billing", program, topic, table, faulty) as first:
        books.run("ad-server", ad_server, library, topic, 0, COUNT)
        books.wait("done", COUNT)
        time.sleep(3)
        books.kill("impression-billing", first)
    with books.serving("impression-billing", program, topic, table, faulty):
        books.run("ad-server", ad_server, library, topic, COUNT, COUNT + MORE)
        books.wait("done", COUNT * 2 + MORE if faulty else COUNT + MORE)
        books.wait("filtered", 0 if faulty else COUNT)
        time.sleep(1)
    books.close_topic(topic, GROUP)


def ad_server(library: str, topic: str, first: int, last: int) -> None:
    publish(library, topic, [{"id": f"impression-{n}", "cents": n % 4 + 1} for n in range(first, last)])


class Bills:
    """The bills in their database."""

    def __init__(self, table: str, looks: bool) -> None:
        self.looks = looks
        self.database = sqlite3.connect(table, isolation_level=None)
        unique = "PRIMARY KEY" if looks else ""
        self.database.execute(f"CREATE TABLE IF NOT EXISTS billed (impression TEXT {unique}, cents INTEGER)")

    def charge(self, record: Any) -> None:
        impression = value(record)
        note("began", impression["id"], record, group=GROUP)
        row = (impression["id"], impression["cents"])
        written = self.database.execute("INSERT OR IGNORE INTO billed VALUES (?, ?)", row).rowcount
        if not written:
            note("filtered", impression["id"], record, group=GROUP)
            return
        time.sleep(0.02)  # the advertiser's budget
        note("done", impression["id"], record, group=GROUP)


def by_kafka_python(topic: str, table: str, faulty: bool) -> None:
    stop, bills = Stop(), Bills(table, not faulty)
    consumer = kafka_python(topic, GROUP, True, auto_commit_interval_ms=MINUTE)
    while not stop.asked:
        for records in consumer.poll(timeout_ms=300).values():
            for record in records:
                bills.charge(record)
    consumer.close()


def by_aiokafka(topic: str, table: str, faulty: bool) -> None:
    async def main() -> None:
        from aiokafka import AIOKafkaConsumer

        stop, bills = Stop(), Bills(table, not faulty)
        consumer = AIOKafkaConsumer(
            topic,
            bootstrap_servers=kafka(),
            group_id=GROUP,
            auto_offset_reset="earliest",
            auto_commit_interval_ms=MINUTE,
            session_timeout_ms=3000,
            heartbeat_interval_ms=500,
        )
        async with consumer:
            while not stop.asked:
                for records in (await consumer.getmany(timeout_ms=300)).values():
                    for record in records:
                        bills.charge(record)

    asyncio.run(main())
