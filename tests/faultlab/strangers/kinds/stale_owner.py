"""A planner goes on with its batch when a second replica gets the partition, which plans the same; or it leaves off.

Shown by: process spans of one offset in two processes of the group, at the same time or one after the other, both
without an error; the log events `eda.consumer.revoked` and `eda.consumer.assigned`; a commit that fails.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka",)
GROUP = "route-planner"
EACH = 18  # orders in each of two partitions
QUIET = 12.0  # seconds
log = logging.getLogger("planner")


def play(books: Books, library: str, faulty: bool) -> None:
    topic, gate = books.topic(2), books.file.with_suffix(".gate")
    books.run("dispatch", dispatch, topic)
    with books.running("route-planner", planner, topic, faulty) as one:
        with books.running("route-planner", scaled, topic, faulty, str(gate)) as two:
            books.wait("up", 1)
            books.wait("began", 4)
            gate.touch()
            quiet(books)
            books.stop(two)
        books.stop(one)
    books.close_topic(topic, GROUP)


def quiet(books: Books) -> None:
    """Wait until nothing has been done for a while."""
    seen, since, end = 0, time.monotonic(), time.monotonic() + 180
    while time.monotonic() < end and time.monotonic() - since < QUIET:
        if (count := books.count("done")) > seen:
            seen, since = count, time.monotonic()
        time.sleep(0.3)


def dispatch(topic: str) -> None:
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=kafka())
    for number in range(2 * EACH):
        note("sent", f"tour-{number}", to=topic)
        producer.send(topic, f'{{"id": "tour-{number}"}}'.encode(), partition=number % 2)
    producer.flush()
    producer.close()


def scaled(topic: str, faulty: bool, gate: str) -> None:
    note("up")
    while not Path(gate).exists():
        time.sleep(0.05)
    planner(topic, faulty)


def planner(topic: str, faulty: bool) -> None:
    async def main() -> None:
        await Planner(topic, faulty).run()

    asyncio.run(main())


class Planner:
    """Plans the tours of each partition in a task of its own."""

    def __init__(self, topic: str, faulty: bool) -> None:
        from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener

        planner = self

        class Listener(ConsumerRebalanceListener):  # type: ignore[misc]
            async def on_partitions_revoked(self, revoked: set[Any]) -> None:
                await planner.leave_off(revoked)

            async def on_partitions_assigned(self, assigned: set[Any]) -> None:
                planner.lost -= assigned

        self.consumer = AIOKafkaConsumer(
            bootstrap_servers=kafka(), group_id=GROUP, auto_offset_reset="earliest", enable_auto_commit=False
        )
        self.consumer.subscribe([topic], listener=None if faulty else Listener())
        self.lost: set[Any] = set()
        self.tasks: dict[Any, asyncio.Task[None]] = {}

    async def run(self) -> None:
        stop = Stop()
        await self.consumer.start()
        while not stop.asked:
            polled = await self.consumer.getmany(timeout_ms=500, max_records=2 * EACH)
            self.tasks = {one: asyncio.create_task(self.plan(one, records)) for one, records in polled.items()}
            await asyncio.gather(*self.tasks.values())
        await self.consumer.stop()

    async def plan(self, partition: Any, records: list[Any]) -> None:
        from aiokafka.errors import KafkaError

        done = records[0].offset
        for record in records:
            if partition in self.lost:
                break
            name = value(record)["id"]
            note("began", name, record, group=GROUP, pid=os.getpid())
            await asyncio.sleep(1)  # the routing service takes its time
            note("done", name, record, group=GROUP, pid=os.getpid())
            done = record.offset + 1
        try:
            await self.consumer.commit({partition: done})
        except KafkaError as error:
            log.warning("could not commit %s: %r", partition, error)

    async def leave_off(self, revoked: set[Any]) -> None:
        self.lost |= revoked
        if waiting := [task for one, task in self.tasks.items() if one in revoked]:
            await asyncio.wait(waiting)
