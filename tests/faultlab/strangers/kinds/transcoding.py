"""A taskiq worker acknowledges on receipt and is killed at work; its twin acknowledges what is done.

What shows it: the acknowledgement of a task has a settle span, exported before the kill. No process span of the task
ever ends, in no process, and nobody received it again (EDA104, a SUSPECT).
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
COUNT, CLIPS, AT_ONCE = 24, 8, 4


def play(books: Books, library: str, faulty: bool) -> None:
    queue = f"videos-{books.file.stem.replace('.', '-')}"
    books.queue()  # so that the broker is there; taskiq declares its own
    books.run("uploads", uploads, queue)
    with books.running("transcoder", transcoder, queue, faulty, True) as first:
        books.wait("done", CLIPS)
        books.wait("began", CLIPS + AT_ONCE)
        time.sleep(4)
        books.kill("transcoder", first)
    with books.running("transcoder", transcoder, queue, faulty, False) as second:
        books.wait("done", COUNT - AT_ONCE if faulty else COUNT)
        time.sleep(1)
        books.stop(second)
    books.close_queue(queue)


def made(queue: str, starved: bool) -> tuple[Any, Any]:
    """Give the broker, and the task, which takes long for films if there is no memory."""
    from taskiq_aio_pika import AioPikaBroker
    from taskiq_aio_pika.queue import Queue

    broker = AioPikaBroker(url()).with_queue(Queue(name=queue))

    async def transcode(video: int) -> None:
        note("began", f"video-{video}")
        await asyncio.sleep(300 if starved and video >= CLIPS else 0.02)
        note("done", f"video-{video}")

    return broker, broker.task(task_name="transcode")(transcode)


def uploads(queue: str) -> None:
    async def main() -> None:
        broker, task = made(queue, False)
        await broker.startup()
        for video in range(COUNT):
            note("sent", f"video-{video}", to=queue)
            await task.kiq(video)
        await broker.shutdown()

    asyncio.run(main())


def transcoder(queue: str, on_receipt: bool, starved: bool) -> None:
    async def main() -> None:
        from taskiq.acks import AcknowledgeType
        from taskiq.api import run_receiver_task

        broker, _ = made(queue, starved)
        broker.is_worker_process = True
        stopping = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        await broker.startup()
        when = AcknowledgeType.WHEN_RECEIVED if on_receipt else AcknowledgeType.WHEN_EXECUTED
        receiver = asyncio.create_task(run_receiver_task(broker, max_async_tasks=AT_ONCE, ack_time=when))
        await stopping.wait()
        receiver.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await receiver
        await broker.shutdown()

    asyncio.run(main())
