"""A letting agency acknowledges requests for viewings, and queues them in memory: a deploy forgets what waits there.

The callback acknowledges at once, so that RabbitMQ's queue is short, and two workers take from a queue in memory. Told
to end, the faulty service has its workers finish what they have in hand, and leaves the rest. The twin takes no more
from RabbitMQ, and waits until its queue is empty.

Shown by: ack spans of messages whose process span nobody ended (`eda.process.abandoned`), or that have no process span
at all, and that nobody had later (EDA104).
"""

from __future__ import annotations

import asyncio
import json
import queue as queues
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import LIBRARIES, connect, publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT, SOME, MORE = 30, 8, 6


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    program = {"pika": by_pika, "aio-pika": by_aio_pika}[library]
    with books.running("viewings", program, queue, not faulty) as first:
        books.run("portal", portal, library, queue, 0, COUNT)
        books.wait("taken", COUNT)
        books.wait("done", SOME)
        books.stop(first)
    if faulty:
        assert books.count("done") < COUNT
    before = books.count("done")
    with books.serving("viewings", program, queue, not faulty):
        books.run("portal", portal, library, queue, COUNT, COUNT + MORE)
        books.wait("done", before + MORE)
    books.close_queue(queue)


def portal(library: str, queue: str, first: int, last: int) -> None:
    publish(library, queue, [{"id": f"viewing-{n}", "flat": n % 9} for n in range(first, last)])


class Diary:
    """When who comes to see which flat."""

    def __init__(self) -> None:
        self.viewings: dict[int, list[str]] = {}

    def begin(self, body: bytes, message: Any) -> dict[str, Any]:
        viewing: dict[str, Any] = json.loads(body)
        note("began", viewing["id"], message)
        return viewing

    def enter(self, viewing: dict[str, Any], message: Any) -> None:
        self.viewings.setdefault(viewing["flat"], []).append(viewing["id"])
        note("done", viewing["id"], message)


def by_pika(queue: str, drains: bool) -> None:
    stop, diary, connection = Stop(), Diary(), connect()
    channel = connection.channel()
    waiting: queues.Queue[Any] = queues.Queue()
    over = threading.Event()

    def on_request(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        ch.basic_ack(method.delivery_tag)
        waiting.put((method, properties, body))
        note("taken", json.loads(body)["id"])

    threads = [threading.Thread(target=_work, args=(waiting, over, diary), name=f"worker-{n}") for n in range(2)]
    for thread in threads:
        thread.start()
    tag = channel.basic_consume(queue, on_request)
    while not stop.asked:
        connection.process_data_events(time_limit=0.2)
    channel.basic_cancel(tag)
    if drains:
        waiting.join()
    over.set()
    for thread in threads:
        thread.join()
    connection.close()


def _work(waiting: queues.Queue[Any], over: threading.Event, diary: Diary) -> None:
    while not over.is_set():
        try:
            _, properties, body = waiting.get(timeout=0.2)
        except queues.Empty:
            continue
        viewing = diary.begin(body, properties)
        time.sleep(0.3)  # the owner's calendar
        diary.enter(viewing, properties)
        waiting.task_done()


def by_aio_pika(queue: str, drains: bool) -> None:
    async def main() -> None:
        import aio_pika

        diary, ended = Diary(), asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        waiting: asyncio.Queue[Any] = asyncio.Queue()
        over = asyncio.Event()

        async def work() -> None:
            while not over.is_set():
                try:
                    message = await asyncio.wait_for(waiting.get(), 0.2)
                except asyncio.TimeoutError:
                    continue
                viewing = diary.begin(message.body, message)
                await asyncio.sleep(0.3)  # the owner's calendar
                diary.enter(viewing, message)
                waiting.task_done()

        async def on_request(message: Any) -> None:
            await message.ack()
            waiting.put_nowait(message)
            note("taken", json.loads(message.body)["id"])

        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            source = await channel.get_queue(queue)
            workers = [asyncio.create_task(work()) for _ in range(2)]
            tag = await source.consume(on_request)
            await ended.wait()
            await source.cancel(tag)
            if drains:
                await waiting.join()
            over.set()
            await asyncio.gather(*workers)

    asyncio.run(main())
