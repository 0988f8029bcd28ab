"""A stock service commits in a `finally`, and so passes the rest of a batch by that broke off; or it goes back to it.

Shown by: the process span of the movement that failed has an `error.type`, and the span of the commit behind it an
`eda.commit.offset` past it and past the movements that followed it. The span of the poll has links to those, and none
of them has a process span.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import kafka_python, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "aiokafka")
GROUP = "stock-levels"
COUNT, NEW = 40, 19
IDLE = 16  # polls of half a second
log = logging.getLogger("stock")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    books.run("warehouse", warehouse, library, topic)
    books.run("stock-levels", run_sync if library == "kafka-python" else run_async, topic, faulty)
    books.close_topic(topic, GROUP)


def warehouse(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"move-{n}", "sku": 900 if n == NEW else n % 7, "pieces": n} for n in range(COUNT)])


class Levels:
    """How much there is of each article."""

    def __init__(self) -> None:
        self.levels = dict.fromkeys(range(7), 0)

    def apply(self, message: Any) -> None:
        move = value(message)
        note("began", move["id"], message, group=GROUP)
        if move["sku"] not in self.levels:
            note("failed", move["id"], message, group=GROUP)
            raise KeyError(move["sku"])
        self.levels[move["sku"]] += move["pieces"]
        note("done", move["id"], message, group=GROUP)

    def reload(self) -> None:
        """Read the catalogue once more, in which there are new articles."""
        self.levels.setdefault(900, 0)


def run_sync(topic: str, faulty: bool) -> None:
    levels, empty = Levels(), -100
    consumer = kafka_python(topic, GROUP, session_timeout_ms=20_000, heartbeat_interval_ms=1000)
    while empty < IDLE:
        polled = consumer.poll(timeout_ms=500, max_records=8)
        empty = 0 if polled else empty + 1
        for partition, records in polled.items():
            (careless_sync if faulty else careful_sync)(consumer, partition, records, levels)
    consumer.close()


def careless_sync(consumer: Any, _: Any, records: list[Any], levels: Levels) -> None:
    try:
        for record in records:
            levels.apply(record)
    except KeyError as error:
        log.warning("unknown article %s", error)
    finally:
        consumer.commit()


def careful_sync(consumer: Any, partition: Any, records: list[Any], levels: Levels) -> None:
    from kafka.structs import OffsetAndMetadata

    done = records[0].offset
    try:
        for record in records:
            levels.apply(record)
            done = record.offset + 1
    except KeyError as error:
        log.warning("unknown article %s: the catalogue is read again", error)
        levels.reload()
        consumer.seek(partition, done)
    finally:
        consumer.commit({partition: OffsetAndMetadata(done, "", -1)})


def run_async(topic: str, faulty: bool) -> None:
    asyncio.run(main(topic, faulty))


async def main(topic: str, faulty: bool) -> None:
    from aiokafka import AIOKafkaConsumer

    levels, empty = Levels(), -100
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=kafka(), group_id=GROUP, auto_offset_reset="earliest", enable_auto_commit=False
    ) as consumer:
        while empty < IDLE:
            polled = await consumer.getmany(timeout_ms=500, max_records=8)
            empty = 0 if polled else empty + 1
            for partition, records in polled.items():
                await (careless_async if faulty else careful_async)(consumer, partition, records, levels)


async def careless_async(consumer: Any, _: Any, records: list[Any], levels: Levels) -> None:
    try:
        for record in records:
            levels.apply(record)
            await asyncio.sleep(0)
    except KeyError as error:
        log.warning("unknown article %s", error)
    finally:
        await consumer.commit()


async def careful_async(consumer: Any, partition: Any, records: list[Any], levels: Levels) -> None:
    done = records[0].offset
    try:
        for record in records:
            levels.apply(record)
            done = record.offset + 1
            await asyncio.sleep(0)
    except KeyError as error:
        log.warning("unknown article %s: the catalogue is read again", error)
        levels.reload()
        consumer.seek(partition, done)
    finally:
        await consumer.commit({partition: done})
