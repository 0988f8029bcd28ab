"""A release renames a queue of taskiq's in the web service and not in the workers: exports wait where nobody reads.

The workers go on with the reports, which come by their own queue. In the twin a worker with the new name is started
later.

Shown by: confirmed sends to the exchange with a routing key for which no process has a span (EDA107).
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("taskiq",)
COUNT = 18


def play(books: Books, library: str, faulty: bool) -> None:
    suffix = books.file.stem.replace(".", "-")
    reports, exports, renamed = (f"{name}-{suffix}" for name in ("reports", "exports", "csv-exports"))
    books.queue()  # so that the broker is there
    with books.running("export-worker", worker, reports) as one, books.running("export-worker", worker, exports) as two:
        books.wait("ready", 2)
        books.run("export-web", web, reports, "report")
        books.run("export-web", web, renamed, "export")
        books.wait("done", COUNT)
        time.sleep(2)
        if not faulty:
            with books.running("export-worker", worker, renamed) as three:
                books.wait("done", 2 * COUNT)
                books.stop(three)
        books.stop(one)
        books.stop(two)
    if faulty:
        assert books.stage.lab.rabbitmq.depth(renamed) == COUNT
        books.note("unread", to=renamed)


def report(name: str) -> None:
    note("began", name)
    time.sleep(0.02)
    note("done", name)


def export(name: str) -> None:
    note("began", name)
    time.sleep(0.05)
    note("done", name)


def app(queue: str) -> tuple[Any, dict[str, Any]]:
    """Give the broker and its tasks."""
    from taskiq_aio_pika import AioPikaBroker
    from taskiq_aio_pika.exchange import Exchange
    from taskiq_aio_pika.queue import Queue

    exchange = Exchange(name=f"jobs-{queue.partition('-strangers')[2]}")
    broker = AioPikaBroker(url(), exchange=exchange).with_queue(Queue(name=queue))
    return broker, {one.__name__: broker.task(task_name=f"jobs:{one.__name__}")(one) for one in (report, export)}


def web(queue: str, task: str) -> None:
    async def main() -> None:
        broker, tasks = app(queue)
        await broker.startup()
        for number in range(COUNT):
            note("sent", f"{task}-{number}", to=queue)
            await tasks[task].kiq(f"{task}-{number}")
        await broker.shutdown()

    asyncio.run(main())


def worker(queue: str) -> None:
    async def main() -> None:
        from taskiq.api import run_receiver_task

        broker, _ = app(queue)
        broker.is_worker_process = True
        stopping = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        await broker.startup()
        receiver = asyncio.create_task(run_receiver_task(broker, max_async_tasks=4))
        note("ready")
        await stopping.wait()
        receiver.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await receiver
        await broker.shutdown()

    asyncio.run(main())
