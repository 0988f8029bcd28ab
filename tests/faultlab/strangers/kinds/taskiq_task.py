"""Tasks of taskiq's: an error is logged and the message acknowledged; the twin's middleware tries again."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("taskiq",)
COUNT = 24


def play(books: Books, library: str, faulty: bool) -> None:
    queue = f"contacts-{books.file.stem.replace('.', '-')}"
    books.queue()  # so that the broker is there; taskiq declares its own
    books.run("crm", crm, queue, faulty)
    with books.running("enrichment", enrichment, queue, faulty) as worker:
        books.wait("done", COUNT - 2 if faulty else COUNT)
        books.wait("began", COUNT if faulty else COUNT + 2)
        books.stop(worker)
    books.close_queue(queue)


class Directory:
    """A partner's directory, in which some are found at the second look only."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    async def find(self, name: str) -> str:
        await asyncio.sleep(0.02)
        if name in {"contact-5", "contact-16"} and name not in self.asked:
            self.asked.add(name)
            raise ConnectionError(f"503 for {name}")
        return name.upper()


def made(queue: str, faulty: bool) -> tuple[Any, Any]:
    """Give the broker, and the task."""
    from taskiq import SimpleRetryMiddleware
    from taskiq_aio_pika import AioPikaBroker
    from taskiq_aio_pika.queue import Queue

    broker, directory = AioPikaBroker(url()).with_queue(Queue(name=queue)), Directory()
    if not faulty:
        broker = broker.with_middlewares(SimpleRetryMiddleware(default_retry_count=3))

    async def enrich(contact: str) -> None:
        note("began", contact)
        try:
            await directory.find(contact)
        except ConnectionError:
            note("logged" if faulty else "failed", contact)  # taskiq logs it
            raise
        note("done", contact)

    return broker, broker.task(task_name="enrich", retry_on_error=not faulty)(enrich)


def crm(queue: str, faulty: bool) -> None:
    async def main() -> None:
        broker, task = made(queue, faulty)
        await broker.startup()
        for number in range(COUNT):
            note("sent", f"contact-{number}", to=queue)
            await task.kiq(f"contact-{number}")
        await broker.shutdown()

    asyncio.run(main())


def enrichment(queue: str, faulty: bool) -> None:
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
