"""A gateway pushes each message in a background task, and acknowledges at once; its twin's task does it in the end.

What shows it: the task has the message, so its error is on the process span (`error.type`), the message has a span
`ack`, and `eda.process.error_unretrieved` says that nobody asked how the task ended; so does asyncio's log record.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aio-pika",)
COUNT, EXPIRED = 40, {3, 11, 12, 28, 39}


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with books.serving("push", push, queue, faulty):
        books.wait("ready", 1)
        books.run("chat", chat, library, queue)
        books.wait("done", COUNT - len(EXPIRED) if faulty else COUNT)
        books.wait("failed" if faulty else "renewed", len(EXPIRED))
    books.close_queue(queue)


def chat(library: str, queue: str) -> None:
    publish(library, queue, [{"id": f"push-{n}", "device": "old" if n in EXPIRED else "new"} for n in range(COUNT)])


class Gateway:
    """Pushes to phones, each in a task, of which some wait for the network at once."""

    def __init__(self, queue: str, careful: bool) -> None:
        self.queue = queue
        self.careful = careful
        self.tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        import aio_pika

        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=10)
            source = await channel.get_queue(self.queue)
            try:
                async with source.iterator() as messages:
                    note("ready")
                    async for message in messages:
                        self._start(message)
                        if not self.careful:
                            await message.ack()
            finally:
                if self.tasks:
                    await asyncio.wait(self.tasks)

    def _start(self, message: Any) -> None:
        task = asyncio.create_task(self._careful(message) if self.careful else self._push(message))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _push(self, message: Any) -> None:
        event = json.loads(message.body)
        note("began", event["id"], message)
        await asyncio.sleep(0.05)
        if event["device"] == "old":
            note("failed", event["id"], message)
            raise PermissionError("the device is unknown")
        note("done", event["id"], message)

    async def _careful(self, message: Any) -> None:
        event = json.loads(message.body)
        note("began", event["id"], message)
        await asyncio.sleep(0.05)
        if event["device"] == "old":
            note("renewed", event["id"], message)
            await asyncio.sleep(0.05)
        note("done", event["id"], message)
        await message.ack()


def push(queue: str, faulty: bool) -> None:
    async def main() -> None:
        work = asyncio.create_task(Gateway(queue, careful=not faulty).run())
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, work.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await work

    asyncio.run(main())
