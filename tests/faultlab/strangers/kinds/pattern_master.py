"""Jobs by aio-pika's own Master, which puts back what fails, at once and for ever; its twin's are not ready at first.

What shows it: each attempt at the bad message has a process span with the error, and the message is put back (the span
`reject`, `eda.settle.requeue` true). The broker marks what comes again (`eda.message.redelivered`).
"""

from __future__ import annotations

import asyncio
import signal
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import url

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books

LIBRARIES = ("aio-pika",)
COUNT, BAD, PATIENCE = 30, 11, 120


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with books.serving("thumbnails", thumbnails, queue, faulty):
        books.run("gallery", gallery, queue)
        books.wait("done", COUNT - 1 if faulty else COUNT)
        books.wait("failed", PATIENCE if faulty else 2)  # until somebody looks why the processor is so busy
    time.sleep(0.5)
    books.close_queue(queue)


def gallery(queue: str) -> None:
    async def main() -> None:
        import aio_pika
        from aio_pika.patterns import Master

        async with await aio_pika.connect_robust(url()) as connection:
            master = Master(await connection.channel())
            for number in range(COUNT):
                image = f"image-{number}"
                note("sent", image, to=queue)
                await master.create_task(queue, kwargs={"image": image, "size": 0 if number == BAD else 64})

    asyncio.run(main())


def thumbnails(queue: str, faulty: bool) -> None:
    import aio_pika
    from aio_pika.patterns import Master, NackMessage

    class Jobs(Master):
        """Writes down what it is given."""

        async def on_message(self, func: Callable[..., Any], message: Any) -> None:
            job = self.deserialize(message.body)
            note("began", job["image"], message)
            try:
                await super().on_message(func, message)
            except Exception:
                note("failed", job["image"], message)
                raise
            note("failed" if job["image"] in uploading else "done", job["image"], message)
            uploading.discard(job["image"])

    uploading: set[str] = set()
    asked = 0

    async def make(image: str, size: int) -> None:
        nonlocal asked
        await asyncio.sleep(0.02)
        if size == 0 and faulty:
            raise ZeroDivisionError(f"{image} has no pixels")
        if size == 0 and asked < 2:
            asked += 1
            uploading.add(image)
            raise NackMessage(requeue=True)  # it is still being uploaded

    async def main() -> None:
        stopping = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=4)
            worker = await Jobs(channel).create_worker(queue, make, durable=True)
            await stopping.wait()
            await worker.close()

    asyncio.run(main())
