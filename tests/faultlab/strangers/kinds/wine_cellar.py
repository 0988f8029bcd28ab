"""A cellar's service hands what it gets from RabbitMQ to pyee's pool of threads and acknowledges; one handler fails.

Nobody waits for the handlers; the listener for errors logs them. Corked bottles have no shelf, so that nobody books
them out. The twin's handler tries again, and its service waits for the pool when it ends.

Shown by: the handler's span ends with its error in the trace of a message whose own process span is without one, and
which was acknowledged; the record of the error is in the log (EDA104, a SUSPECT).
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import LIBRARIES, connect, publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT, CORKED = 32, {4, 11, 12, 25}
log = logging.getLogger("cellar")


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with books.serving("cellar", {"pika": by_pika, "aio-pika": by_aio_pika}[library], queue, faulty):
        books.run("restaurant", restaurant, library, queue)
        books.wait("taken", COUNT)
        books.wait("done", COUNT - len(CORKED) if faulty else COUNT)
        books.wait("failed", len(CORKED))
    books.close_queue(queue)


def restaurant(library: str, queue: str) -> None:
    bottles = [{"id": f"bottle-{n}", "shelf": None if n in CORKED else n % 6} for n in range(COUNT)]
    publish(library, queue, bottles)


class Cellar:
    """Books bottles out, by their shelf."""

    def __init__(self, searches: bool) -> None:
        self.searches = searches
        self.shelves = [20] * 6

    def book_out(self, bottle: dict[str, Any]) -> None:
        time.sleep(0.05)
        shelf = bottle["shelf"]
        if shelf is None:
            note("failed", bottle["id"])
            if not self.searches:
                note("logged", bottle["id"])  # by the listener for errors
                raise LookupError(f"{bottle['id']} has no shelf")
            log.warning("%s has no shelf: searched", bottle["id"])
            time.sleep(0.1)
            shelf = 0
        self.shelves[shelf] -= 1
        note("done", bottle["id"])


def bus(cellar: Cellar) -> Any:
    """Give the emitter with all its listeners."""
    from pyee.executor import ExecutorEventEmitter

    made = ExecutorEventEmitter()
    made.on("bottle.sold", cellar.book_out)

    @made.on("error")
    def on_error(error: Exception) -> None:
        log.error("a handler failed", exc_info=error)

    return made


def by_pika(queue: str, faulty: bool) -> None:
    stop, connection = Stop(), connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=10)
    with bus(Cellar(not faulty)) as events:

        def on_bottle(ch: Any, method: Any, properties: Any, body: bytes) -> None:
            bottle = json.loads(body)
            note("began", bottle["id"], properties)
            events.emit("bottle.sold", bottle)
            ch.basic_ack(method.delivery_tag)
            note("taken", bottle["id"])

        channel.basic_consume(queue, on_bottle)
        while not stop.asked:
            connection.process_data_events(time_limit=0.2)
    connection.close()


def by_aio_pika(queue: str, faulty: bool) -> None:
    async def main() -> None:
        import aio_pika

        stop, events = Stop(), bus(Cellar(not faulty))
        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=10)
            source = await channel.get_queue(queue)

            async def on_bottle(message: Any) -> None:
                async with message.process():
                    bottle = json.loads(message.body)
                    note("began", bottle["id"], message)
                    events.emit("bottle.sold", bottle)
                note("taken", bottle["id"])

            tag = await source.consume(on_bottle)
            while not stop.asked:
                await asyncio.sleep(0.1)
            await source.cancel(tag)
        await asyncio.to_thread(events.shutdown)

    asyncio.run(main())
