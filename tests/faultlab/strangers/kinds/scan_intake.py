"""A worker puts back what fails, at once: one scan is broken and comes for ever; its twin's is not there at first.

Shown by: many process spans of one message, each with the error, the later ones with `eda.message.redelivered`, each
with a `nack` or `reject` span to put it back, and none that succeeded (EDA402, EDA403).
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import LIBRARIES, connect, publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT, BROKEN, ROUNDS = 18, 6, 60
log = logging.getLogger("scans")


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with books.serving("scan-intake", {"pika": pika_main, "aio-pika": aio_pika_main}[library], queue, faulty):
        books.run("scanner", scanner, library, queue)
        books.wait("done", COUNT - 1 if faulty else COUNT)
        if faulty:
            books.wait("failed", ROUNDS)
    books.close_queue(queue)


def scanner(library: str, queue: str) -> None:
    publish(library, queue, [{"id": f"scan-{n}", "path": f"/mnt/in/{n}.tif"} for n in range(COUNT)])


class Worker(ABC):
    """What each worker of the house inherits from."""

    def __init__(self) -> None:
        self.attempts: dict[str, int] = {}

    def __call__(self, body: bytes, message: Any) -> None:
        task = json.loads(body)
        self.attempts[task["id"]] = self.attempts.get(task["id"], 0) + 1
        note("began", task["id"], message)
        try:
            self.perform(task)
        except OSError:
            note("failed", task["id"], message)
            raise
        note("done", task["id"], message)

    @abstractmethod
    def perform(self, task: dict[str, Any]) -> None: ...


class ScanWorker(Worker):
    def __init__(self, broken: bool) -> None:
        super().__init__()
        self.broken = broken

    def perform(self, task: dict[str, Any]) -> None:
        if task["id"] != f"scan-{BROKEN}":
            return
        if self.broken:
            raise OSError("truncated TIFF")
        if self.attempts[task["id"]] < 3:
            raise FileNotFoundError(task["path"])


def pika_main(queue: str, broken: bool) -> None:
    stop, worker, connection = Stop(), ScanWorker(broken), connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=2)

    def deliver(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        try:
            worker(body, properties)
        except Exception as error:
            log.warning("will try again: %r", error)
            ch.basic_nack(delivery_tag=method.delivery_tag, requeue=True)
            return
        ch.basic_ack(delivery_tag=method.delivery_tag)

    channel.basic_consume(queue, deliver)
    while not stop.asked:
        connection.process_data_events(time_limit=0.2)
    connection.close()


def aio_pika_main(queue: str, broken: bool) -> None:
    worker = ScanWorker(broken)

    async def main() -> None:
        import aio_pika

        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=2)

            async def deliver(message: Any) -> None:
                try:
                    async with message.process(requeue=True):
                        await asyncio.sleep(0)
                        worker(message.body, message)
                except OSError as error:
                    log.warning("will try again: %r", error)

            source = await channel.get_queue(queue)
            tag = await source.consume(deliver)
            await ended.wait()
            await source.cancel(tag)

    asyncio.run(main())
