"""A roster service leaves its batch when it is told to end, and commits where it stands: the rest of the batch is gone.

`commit()` without an offset means all that was polled, of which the loop has done a part. At each deploy the next
process begins behind it. The twin commits the offset behind each swap that it has done.

Shown by: a poll span has links to messages without a process span, and the commit span of its process is past them; the
next process begins behind them (EDA104).
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, aio, kafka_python, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "aiokafka")
GROUP, COUNT, SOME, MORE = "roster", 30, 7, 6
RULES = 0.2  # seconds, for the rules on rest


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    program = {"kafka-python": by_kafka_python, "aiokafka": by_aiokafka}[library]
    books.run("depot", depot, library, topic, 0, COUNT)
    with books.running("roster", program, topic, not faulty) as first:
        books.wait("done", SOME)
        books.stop(first)
    before = books.count("done")
    with books.serving("roster", program, topic, not faulty):
        books.wait("up", 2)
        books.run("depot", depot, library, topic, COUNT, COUNT + MORE)
        books.wait("done", before + MORE if faulty else COUNT + MORE)
        time.sleep(1)
    books.close_topic(topic, GROUP)
    assert (books.count("done") < COUNT + MORE) is faulty


def depot(library: str, topic: str, first: int, last: int) -> None:
    publish(library, topic, [{"id": f"swap-{n}", "driver": n % 8} for n in range(first, last)], key="driver")


class Roster:
    """Who drives when."""

    def __init__(self) -> None:
        self.swaps: list[str] = []

    def begin(self, record: Any) -> dict[str, Any]:
        swap = value(record)
        note("began", swap["id"], record, group=GROUP)
        return swap

    def enter(self, swap: dict[str, Any], record: Any) -> None:
        self.swaps.append(swap["id"])
        note("done", swap["id"], record, group=GROUP)


def by_kafka_python(topic: str, exactly: bool) -> None:
    from kafka.structs import OffsetAndMetadata

    stop, roster = Stop(), Roster()
    consumer = kafka_python(topic, GROUP, metadata_max_age_ms=1000)
    note("up")
    while not stop.asked:
        for partition, records in consumer.poll(timeout_ms=300, max_records=50).items():
            for record in records:
                swap = roster.begin(record)
                time.sleep(RULES)
                roster.enter(swap, record)
                if exactly:
                    consumer.commit({partition: OffsetAndMetadata(record.offset + 1, "", -1)})
                if stop.asked:
                    break
            if not exactly:
                consumer.commit()
    consumer.close()


def by_aiokafka(topic: str, exactly: bool) -> None:
    async def main() -> None:
        stop, roster = Stop(), Roster()
        async with aio(topic, GROUP) as consumer:
            note("up")
            while not stop.asked:
                for partition, records in (await consumer.getmany(timeout_ms=300, max_records=50)).items():
                    for record in records:
                        swap = roster.begin(record)
                        await asyncio.sleep(RULES)
                        roster.enter(swap, record)
                        if exactly:
                            await consumer.commit({partition: record.offset + 1})
                        if stop.asked:
                            break
                    if not exactly:
                        await consumer.commit()

    asyncio.run(main())
