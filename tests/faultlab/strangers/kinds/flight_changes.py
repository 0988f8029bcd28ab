"""A reader of Kafka hands changes of flights to taskiq, whose tasks are cut short after a second: gone; or tried again.

One airline's system hangs. taskiq cancels the task at its `timeout`, logs that, and acknowledges the message. The twin
has taskiq's middleware for retries, and the second call is quick.

Shown by: the process span of the task's message ends with an error after a second, taskiq logs it, and no other span
has that message (EDA104, a SUSPECT, as an error that is logged may have been dealt with).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import aio, publish
from faultlab.strangers.rabbit_house import url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("taskiq",)
GROUP, COUNT = "flight-changes", 24
HANGS = {5, 13, 21}


def play(books: Books, library: str, faulty: bool) -> None:
    topic, queue = books.topic(1), f"rebook-{books.file.stem.replace('.', '-')}"
    books.queue()  # so that the broker is there; taskiq declares its own
    books.run("airport", airport, topic)
    books.run("flight-changes", changes, topic, queue, faulty)
    with books.running("rebooking", rebooking, queue, faulty) as worker:
        books.wait("rebooked", COUNT - len(HANGS) if faulty else COUNT)
        books.wait("cut", len(HANGS))
        if not faulty:
            books.wait("asked", COUNT + len(HANGS))
        books.stop(worker)
    books.close_topic(topic, GROUP)
    books.close_queue(queue)
    if faulty:
        books.note("must", code="EDA104", least="SUSPECT", where={"within": queue})
    books.note("may", code="EDA401", most="CONFIRMED", where={"service": "rebooking"})
    books.note("may", code="EDA502", where={"service": "rebooking"})  # some do take a second
    books.note("may", code="EDA501", where={"within": queue})  # the worker starts later


def airport(topic: str) -> None:
    events = [{"id": f"flight-{n}", "airline": "NT" if n in HANGS else "LH"} for n in range(COUNT)]
    publish("aiokafka", topic, events)


class Airlines:
    """The systems of airlines, one of which hangs when it is asked for the first time."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    async def rebook(self, flight: str, airline: str) -> None:
        first = flight not in self.asked
        self.asked.add(flight)
        await asyncio.sleep(300 if airline == "NT" and first else 0.02)


def made(queue: str, faulty: bool) -> tuple[Any, Any]:
    """Give the broker, and the task."""
    from taskiq import SimpleRetryMiddleware
    from taskiq_aio_pika import AioPikaBroker
    from taskiq_aio_pika.queue import Queue

    broker, airlines = AioPikaBroker(url()).with_queue(Queue(name=queue)), Airlines()
    if not faulty:
        broker = broker.with_middlewares(SimpleRetryMiddleware(default_retry_count=3))

    async def rebook(flight: str, airline: str) -> None:
        note("asked", flight)
        try:
            await airlines.rebook(flight, airline)
        except asyncio.CancelledError:
            note("cut", flight)
            raise
        note("rebooked", flight)

    return broker, broker.task(task_name="rebook", timeout=1, retry_on_error=not faulty)(rebook)


def changes(topic: str, queue: str, faulty: bool) -> None:
    async def main() -> None:
        broker, task = made(queue, faulty)
        await broker.startup()
        async with aio(topic, GROUP) as consumer:
            with contextlib.suppress(asyncio.TimeoutError):
                while True:
                    record = await asyncio.wait_for(consumer.getone(), 8)
                    event = json.loads(record.value)
                    note("began", event["id"], record, group=GROUP)
                    await task.kiq(event["id"], event["airline"])
                    note("done", event["id"], record, group=GROUP)
                    await consumer.commit()
        await broker.shutdown()

    asyncio.run(main())


def rebooking(queue: str, faulty: bool) -> None:
    async def main() -> None:
        from taskiq.api import run_receiver_task

        broker, _ = made(queue, faulty)
        broker.is_worker_process = True
        stopping = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        await broker.startup()
        receiver = asyncio.create_task(run_receiver_task(broker, max_async_tasks=4))
        await stopping.wait()
        receiver.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await receiver
        await broker.shutdown()

    asyncio.run(main())
