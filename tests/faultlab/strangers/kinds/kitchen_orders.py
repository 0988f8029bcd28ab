"""Dramatiq actors in a pipeline, some of them with a delay: one dish always burns, and is set aside; or cooks at last.

Shown by: the process spans of that dish have the error, its retries come by the queue of delayed messages, and the last
one is refused for good in a queue with a dead-letter exchange; nobody reads its dead letters (EDA405).
"""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import rabbitmq
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("dramatiq",)
COUNT, BURNT = 24, 7


def play(books: Books, library: str, faulty: bool) -> None:
    queue = f"kitchen-{books.file.stem.replace('.', '-')}"
    books.queue()  # so that the broker is there; dramatiq declares its own
    with books.running("kitchen", kitchen, queue, faulty) as one:
        books.wait("ready", 1)
        books.run("waiter", waiter, queue, faulty)
        books.wait("served", COUNT - 1 if faulty else COUNT)
        books.wait("burnt", 3 if faulty else 2)
        time.sleep(2)
        books.stop(one)
    assert books.stage.lab.rabbitmq.depth(f"{queue}.XQ") == (1 if faulty else 0)
    books.note("may", code="EDA501", where={"within": queue})  # some wait for their time
    books.note("may", code="EDA502", where={"service": "kitchen"})  # a thread's first message has it connect, too
    if faulty:
        books.note("must", code="EDA405", where={"within": queue})
        books.note("may", code="EDA402", where={"within": queue})  # three attempts, all failed
    else:
        books.note("may", code="EDA402", most="SUSPECT", where={"within": queue})


class Stove:
    """Cooks, and burns one dish: always, or until somebody has cleaned it."""

    def __init__(self, always: bool) -> None:
        self.always = always
        self.burnt = 0

    def cook(self, dish: int) -> None:
        time.sleep(0.02)
        if dish == BURNT and (self.always or self.burnt < 2):
            self.burnt += 1
            note("burnt", f"dish-{dish}")
            raise RuntimeError("it burns")


def actors(queue: str, faulty: bool) -> Any:
    import dramatiq
    from dramatiq.brokers.rabbitmq import RabbitmqBroker
    from dramatiq.middleware import Pipelines, Retries

    host, port = rabbitmq()
    often = Retries(max_retries=2, min_backoff=200, max_backoff=400)
    broker, stove = (
        RabbitmqBroker(url=f"amqp://guest:guest@{host}:{port}/", middleware=[often, Pipelines()]),
        Stove(faulty),
    )

    def prepare(dish: int) -> int:
        note("prepared", f"dish-{dish}")
        return dish

    def cook(dish: int) -> int:
        stove.cook(dish)
        return dish

    def serve(dish: int) -> None:
        note("served", f"dish-{dish}")

    made = {one.__name__: dramatiq.actor(broker=broker, queue_name=queue)(one) for one in (prepare, cook, serve)}
    return SimpleNamespace(broker=broker, **made)


def waiter(queue: str, faulty: bool) -> None:
    import dramatiq

    known = actors(queue, faulty)
    for dish in range(COUNT):
        later = {"delay": 1500} if dish % 4 == 0 else {}
        steps = [known.prepare.message_with_options(args=(dish,)), known.cook.message(), known.serve.message()]
        course: Any = dramatiq.pipeline(steps, broker=known.broker)
        course.run(**later)
    known.broker.close()


def kitchen(queue: str, faulty: bool) -> None:
    import dramatiq

    stop, broker = Stop(), actors(queue, faulty).broker
    running = dramatiq.Worker(broker, worker_threads=3, worker_timeout=100)
    running.start()
    note("ready")
    while not stop.asked:
        time.sleep(0.1)
    running.stop()
    broker.close()
