"""Workers take alerts from a queue in memory, each waiting for a second at most, and log what goes wrong; or try again.

The reader puts each message into the queue, waits until the workers are through with its batch, and then commits, or
acknowledges the message when it is through. Alerts of one region name a tariff that is unknown since a release. In the
twin the tariffs are read anew then, after the same record in the log.

Shown by: the process spans of these alerts have the event `eda.process.error_logged` and no error of their own (EDA104,
a SUSPECT).
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from typing import TYPE_CHECKING, Any

from faultlab.strangers import kafka_house, rabbit_house
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, aio, value
from faultlab.strangers.rabbit_house import url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka", "aio-pika")
GROUP, COUNT, NEW = "tariff-alerts", 40, {6, 7, 19, 32}
log = logging.getLogger("alerts")


def play(books: Books, library: str, faulty: bool) -> None:
    kafka = library == "aiokafka"
    place = books.topic(1) if kafka else books.queue()
    with books.serving("tariff-alerts", by_aiokafka if kafka else by_aio_pika, place, not faulty):
        books.run("market-watch", market, library, place)
        books.wait("done", COUNT - len(NEW) if faulty else COUNT)
        books.wait("logged", len(NEW) if faulty else 0)
        books.wait("settled", COUNT)
    if kafka:
        books.close_topic(place, GROUP)
    else:
        books.close_queue(place)


def market(library: str, place: str) -> None:
    alerts = [{"id": f"alert-{n}", "tariff": "solar" if n in NEW else "day"} for n in range(COUNT)]
    (kafka_house if library == "aiokafka" else rabbit_house).publish(library, place, alerts)


class Tariffs:
    """What there is in the table of tariffs."""

    def __init__(self, reads_anew: bool) -> None:
        self.reads_anew = reads_anew
        self.prices = {"day": 30, "night": 20}

    def price(self, alert: dict[str, Any]) -> int:
        return self.prices[alert["tariff"]]

    def read(self) -> bool:
        if self.reads_anew:
            self.prices["solar"] = 10
        return self.reads_anew


class Workers:
    """Some tasks that work on what is in a queue."""

    def __init__(self, tariffs: Tariffs) -> None:
        self.tariffs = tariffs
        self.queue: asyncio.Queue[Any] = asyncio.Queue(20)
        self.tasks = [asyncio.create_task(self.work()) for _ in range(3)]

    async def work(self) -> None:
        while True:
            try:
                message = await asyncio.wait_for(self.queue.get(), 1)
            except asyncio.TimeoutError:
                continue
            alert = value(message) if hasattr(message, "offset") else json.loads(message.body)
            at = {"group": GROUP} if hasattr(message, "offset") else {}
            note("began", alert["id"], message, **at)
            await asyncio.sleep(0.02)
            try:
                self.tell(alert, message, **at)
            except KeyError:
                log.exception("%s is not told", alert["id"])
                if self.tariffs.read():
                    self.tell(alert, message, **at)
                else:
                    note("failed", alert["id"], message, **at)
                    note("logged", alert["id"])
            if not at:
                await message.ack()
                note("settled")
            self.queue.task_done()

    def tell(self, alert: dict[str, Any], message: Any, **at: Any) -> None:
        self.tariffs.price(alert)
        note("done", alert["id"], message, **at)

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def by_aiokafka(topic: str, reads_anew: bool) -> None:
    async def main() -> None:
        stop, workers = Stop(), Workers(Tariffs(reads_anew))
        async with aio(topic, GROUP) as consumer:
            while not stop.asked:
                for records in (await consumer.getmany(timeout_ms=300, max_records=10)).values():
                    for record in records:
                        await workers.queue.put(record)
                    await workers.queue.join()
                    await consumer.commit()
                    for _ in records:
                        note("settled")
        await workers.end()

    asyncio.run(main())


def by_aio_pika(queue: str, reads_anew: bool) -> None:
    async def main() -> None:
        import aio_pika

        ended, workers = asyncio.Event(), Workers(Tariffs(reads_anew))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=10)
            source = await channel.get_queue(queue)
            tag = await source.consume(workers.queue.put)
            await ended.wait()
            await source.cancel(tag)
            await workers.queue.join()
            await workers.end()

    asyncio.run(main())
