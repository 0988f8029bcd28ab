"""One tenant's statements take a query for each line, and so a hundred times as long; its twin's all take a while.

What shows it: the process spans of that tenant's messages last 2.5 s, while those of the others last some 20 ms.
"""

from __future__ import annotations

import asyncio
import json
import signal
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aio-pika",)
COUNT, LARGE = 80, {25, 50, 74}


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with books.serving("statements", statements, queue, faulty):
        books.wait("ready", 1)
        books.run("month-end", month_end, library, queue)
        books.wait("done", COUNT)
    books.close_queue(queue)
    books.note("may", code="EDA501", where={"service": "statements"})  # what is behind a long one waits


def month_end(library: str, queue: str) -> None:
    publish(library, queue, [{"id": f"statement-{n}", "lines": 500 if n in LARGE else 4} for n in range(COUNT)])


class Statements:
    """Makes statements from a database, a query of 5 ms for each line, or one of 50 ms for all of them."""

    def __init__(self, by_line: bool) -> None:
        self.by_line = by_line

    async def make(self, message: Any) -> None:
        statement = json.loads(message.body)
        note("began", statement["id"], message)
        await asyncio.sleep(0.005 * statement["lines"] if self.by_line else 0.05)
        if self.by_line and statement["lines"] > 100:
            note("must", code="EDA502", where={"trace_id": message.headers["traceparent"].split("-")[1]})
        note("done", statement["id"], message)


def statements(queue: str, faulty: bool) -> None:
    maker = Statements(by_line=faulty)

    async def main() -> None:
        import aio_pika

        stopping = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=1)
            source = await channel.get_queue(queue)

            async def on_message(message: Any) -> None:
                async with message.process():
                    await maker.make(message)

            tag = await source.consume(on_message)
            note("ready")
            await stopping.wait()
            await source.cancel(tag)

    asyncio.run(main())
