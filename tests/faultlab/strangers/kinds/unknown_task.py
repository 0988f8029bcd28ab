"""A web service sends tasks that workers of the last release do not know; or the workers are deployed first."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import rabbitmq
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("dramatiq", "taskiq")
COUNT = 24
OLD, NEW = ["resize"], ["resize", "blur"]


def play(books: Books, library: str, faulty: bool) -> None:
    queue = f"photos-{books.file.stem.replace('.', '-')}"
    books.queue()  # so that the broker is there
    web, worker = {"dramatiq": (dramatiq_web, dramatiq_worker), "taskiq": (taskiq_web, taskiq_worker)}[library]
    with books.running("photo-worker", worker, queue, OLD) as old:
        books.wait("ready", 1)
        books.run("photo-web", web, queue, OLD)
        books.wait("done", COUNT)
        if faulty:
            books.run("photo-web", web, queue, NEW)
            books.wait("done", COUNT + COUNT // 2)
            time.sleep(1)
        books.stop(old)
    with books.running("photo-worker", worker, queue, NEW) as new:
        books.wait("ready", 2)
        books.run("photo-web", web, queue, NEW)
        books.wait("done", COUNT * 2 + (COUNT // 2 if faulty else 0))
        books.stop(new)
    books.close_queue(queue)
    if faulty and library == "dramatiq":
        assert books.stage.lab.rabbitmq.depth(f"{queue}.XQ") == COUNT // 2
        books.note("must", code="EDA405", where={"within": queue})
    elif faulty:
        books.note("must", code="EDA104", least="SUSPECT", where={"within": queue})
        books.note("may", code="EDA401", most="CONFIRMED", where={"service": "photo-worker"})


def resize(photo: str) -> None:
    note("began", photo)
    time.sleep(0.01)
    note("done", photo)


def blur(photo: str) -> None:
    note("began", photo)
    time.sleep(0.03)
    note("done", photo)


def photos(tasks: list[str]) -> list[tuple[str, str]]:
    stamp = time.time_ns() // 1_000_000
    return [(tasks[number % len(tasks)], f"{stamp}-{number}.jpg") for number in range(COUNT)]


def dramatiq_broker(queue: str, tasks: list[str]) -> tuple[Any, dict[str, Any]]:
    import dramatiq
    from dramatiq.brokers.rabbitmq import RabbitmqBroker
    from dramatiq.middleware import Retries

    host, port = rabbitmq()
    broker = RabbitmqBroker(url=f"amqp://guest:guest@{host}:{port}/", middleware=[Retries(max_retries=2)])
    functions = [function for function in (resize, blur) if function.__name__ in tasks]
    return broker, {one.__name__: dramatiq.actor(broker=broker, queue_name=queue)(one) for one in functions}


def dramatiq_web(queue: str, tasks: list[str]) -> None:
    broker, actors = dramatiq_broker(queue, tasks)
    for task, photo in photos(tasks):
        actors[task].send(photo)
    broker.close()


def dramatiq_worker(queue: str, tasks: list[str]) -> None:
    import dramatiq

    stop, (broker, _) = Stop(), dramatiq_broker(queue, tasks)
    running = dramatiq.Worker(broker, worker_threads=2, worker_timeout=100)
    running.start()
    note("ready")
    while not stop.asked:
        time.sleep(0.1)
    running.stop()
    broker.close()


def taskiq_broker(queue: str, tasks: list[str]) -> tuple[Any, dict[str, Any]]:
    from taskiq_aio_pika import AioPikaBroker
    from taskiq_aio_pika.queue import Queue

    broker = AioPikaBroker(url()).with_queue(Queue(name=queue))
    functions = [function for function in (resize, blur) if function.__name__ in tasks]
    return broker, {one.__name__: broker.task(task_name=f"photos:{one.__name__}")(one) for one in functions}


def taskiq_web(queue: str, tasks: list[str]) -> None:
    async def main() -> None:
        broker, known = taskiq_broker(queue, tasks)
        await broker.startup()
        for task, photo in photos(tasks):
            await known[task].kiq(photo)
        await broker.shutdown()

    asyncio.run(main())


def taskiq_worker(queue: str, tasks: list[str]) -> None:
    async def main() -> None:
        from taskiq.api import run_receiver_task

        broker, _ = taskiq_broker(queue, tasks)
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
