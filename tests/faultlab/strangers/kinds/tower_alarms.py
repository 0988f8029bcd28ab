"""What reads the alarms of towers ends by an error, and its service answers on; the twin's is started again.

Shown by: the last process span of the partition has an error, offsets that are sent after it have no process span, the
group commits nothing more, and the service's metrics go on (EDA504).
"""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "aiokafka")
GROUP, FIRST, MORE, NEW = "alarms", 20, 20, 11


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    run = {"kafka-python": by_thread, "aiokafka": by_task}[library]
    with books.serving("alarms", run, topic, faulty):
        books.run("towers", towers, library, topic, 0, FIRST)
        books.wait("failed", 1)
        if not faulty:
            books.wait("done", FIRST)
        books.run("towers", towers, library, topic, FIRST, FIRST + MORE)
        if not faulty:
            books.wait("done", FIRST + MORE)
        time.sleep(4)
    books.close_topic(topic, GROUP)
    if faulty:
        assert books.count("done") == NEW
        books.note("must", code="EDA504", where={"within": topic})


def towers(library: str, topic: str, first: int, end: int) -> None:
    alarms = [
        {"id": f"alarm-{n}", "tower": f"t-{n % 5}", "kind": "ice" if n == NEW else "power"} for n in range(first, end)
    ]
    publish(library, topic, alarms, "tower")


class Alarms:
    """Whom to call at which alarm."""

    def __init__(self) -> None:
        self.teams = {"power": "electricians"}
        self.called: list[str] = []

    def take(self, message: Any) -> None:
        alarm = value(message)
        note("began", alarm["id"], message, group=GROUP)
        if alarm["kind"] not in self.teams:
            note("failed", alarm["id"], message, group=GROUP)
        self.called.append(self.teams[alarm["kind"]])
        note("done", alarm["id"], message, group=GROUP)


class Reader(threading.Thread):
    """Reads alarms in a thread."""

    def __init__(self, topic: str, alarms: Alarms, stop: Stop) -> None:
        from kafka import KafkaConsumer

        super().__init__(name="alarms", daemon=True)
        self.consumer = KafkaConsumer(
            topic, bootstrap_servers=kafka(), group_id=GROUP, auto_offset_reset="earliest", enable_auto_commit=False
        )
        self.alarms, self.stop = alarms, stop
        self.start()

    def run(self) -> None:
        while not self.stop.asked:
            for records in self.consumer.poll(timeout_ms=300, max_records=1).values():
                for record in records:
                    self.alarms.take(record)
                self.consumer.commit()


def by_thread(topic: str, faulty: bool) -> None:
    stop, alarms = Stop(), Alarms()
    reader = Reader(topic, alarms, stop)
    while not stop.asked:
        time.sleep(0.2)  # here it would answer
        if not faulty and not reader.is_alive():
            reader.consumer.close()
            alarms.teams["ice"] = "climbers"  # it reads the roster when it starts
            reader = Reader(topic, alarms, stop)
    reader.join(10)
    reader.consumer.close()


def by_task(topic: str, faulty: bool) -> None:
    alarms = Alarms()

    async def consume() -> None:
        from aiokafka import AIOKafkaConsumer

        consumer = AIOKafkaConsumer(
            topic, bootstrap_servers=kafka(), group_id=GROUP, auto_offset_reset="earliest", enable_auto_commit=False
        )
        async with consumer:
            async for message in consumer:
                alarms.take(message)
                await consumer.commit()

    async def main() -> None:
        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        task = asyncio.create_task(consume())
        while not ended.is_set():
            await asyncio.sleep(0.2)
            if not faulty and task.done():
                assert isinstance(task.exception(), KeyError)
                alarms.teams["ice"] = "climbers"
                task = asyncio.create_task(consume())
        task.cancel()
        await asyncio.wait({task})

    asyncio.run(main())
