"""A prober starts a task for each file, commits by the clock, and a deploy cancels the tasks that are still at it.

Its twin waits for its tasks before it closes its consumer. Shown by: the process spans of these files have
`eda.process.abandoned` and `eda.process.ended_by`, the group's commits are past them, and the next process begins
behind them (EDA104).
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import publish

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka",)
GROUP, COUNT, LATER, LONG = "probe", 20, 10, {9, 14, 17}


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    with books.running("probe", probe, topic, not faulty) as before:
        books.run("library", library_, library, topic, 0, COUNT)
        books.wait("done", COUNT - len(LONG))
        books.wait("began", COUNT)
        time.sleep(3)
        books.stop(before)
    with books.running("probe", probe, topic, not faulty) as after:
        books.run("library", library_, library, topic, COUNT, COUNT + LATER)
        books.wait("done", COUNT + LATER - (len(LONG) if faulty else 0))
        time.sleep(2)
        books.stop(after)
    books.close_topic(topic, GROUP)


def library_(library: str, topic: str, first: int, end: int) -> None:
    publish(library, topic, [{"id": f"file-{n}", "hours": 9 if n in LONG else 1} for n in range(first, end)])


class Prober:
    """Probes files, several at once."""

    def __init__(self, patient: bool) -> None:
        self.patient = patient
        self.tasks: set[asyncio.Task[None]] = set()

    async def probe(self, message: Any) -> None:
        file = json.loads(message.value)
        note("began", file["id"], message, group=GROUP)
        await asyncio.sleep(20 if file["hours"] > 2 else 0.05)
        note("done", file["id"], message, group=GROUP)

    async def run(self, consumer: Any) -> None:
        async for message in consumer:
            task = asyncio.create_task(self.probe(message))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def close(self) -> None:
        if self.patient:
            await asyncio.gather(*self.tasks)


def probe(topic: str, patient: bool) -> None:
    async def main() -> None:
        from aiokafka import AIOKafkaConsumer

        consumer = AIOKafkaConsumer(
            topic,
            bootstrap_servers=kafka(),
            group_id=GROUP,
            auto_offset_reset="earliest",
            enable_auto_commit=True,
            auto_commit_interval_ms=1000,
        )
        prober = Prober(patient)
        async with consumer:
            task = asyncio.create_task(prober.run(consumer))
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
            await asyncio.wait({task})
            await prober.close()

    asyncio.run(main())
