"""A taskiq worker acknowledges tasks when it receives them, and is killed: what it was at is gone; or it comes again.

The spans of the acknowledgements are exported before the end, and no process span ever tells of these messages: the
broker took them, and nobody had them, while others of the queue were processed (EDA104, a SUSPECT).
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
COUNT, SLOTS = 30, 3


def play(books: Books, library: str, faulty: bool) -> None:
    queue = f"renders-{books.file.stem.replace('.', '-')}"
    books.queue()  # so that the broker is there; taskiq declares its own
    books.run("studio", studio, queue)
    with books.running("renderer", renderer, queue, faulty) as first:
        books.wait("hungry", SLOTS)  # huge scenes, which have the process killed
        time.sleep(1)
        books.kill("renderer", first)
    with books.running("renderer", renderer, queue, faulty, environ={"RENDERER_MEMORY": "4g"}) as second:
        books.wait("done", COUNT - SLOTS if faulty else COUNT)
        books.stop(second)
    books.close_queue(queue)


def made(queue: str) -> tuple[Any, Any]:
    """Give the broker, and the task."""
    import os

    from taskiq_aio_pika import AioPikaBroker
    from taskiq_aio_pika.queue import Queue

    broker, small = AioPikaBroker(url(), qos=SLOTS).with_queue(Queue(name=queue)), "RENDERER_MEMORY" not in os.environ

    async def render(scene: str, frames: int) -> None:
        note("began", scene)
        if frames > 1000 and small:
            note("hungry", scene)
            await asyncio.sleep(60)
        await asyncio.sleep(0.05)
        note("done", scene)

    return broker, broker.task(task_name="render")(render)


def studio(queue: str) -> None:
    async def main() -> None:
        broker, task = made(queue)
        await broker.startup()
        for number in range(COUNT):
            note("sent", f"scene-{number}", to=queue)
            await task.kiq(f"scene-{number}", 5000 if number in {11, 12, 13} else 24)
        await broker.shutdown()

    asyncio.run(main())


def renderer(queue: str, faulty: bool) -> None:
    async def main() -> None:
        from taskiq.acks import AcknowledgeType
        from taskiq.api import run_receiver_task

        broker, _ = made(queue)
        broker.is_worker_process = True
        stopping = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        await broker.startup()
        when = AcknowledgeType.WHEN_RECEIVED if faulty else AcknowledgeType.WHEN_EXECUTED
        receiver = asyncio.create_task(run_receiver_task(broker, max_async_tasks=SLOTS, ack_time=when))
        await stopping.wait()
        receiver.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await receiver
        await broker.shutdown()

    asyncio.run(main())
