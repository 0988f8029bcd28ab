"""Actors of dramatiq's that ask to be called later: a lock is never released, so that they end set aside; or is."""

from __future__ import annotations

import time
from collections import Counter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import rabbitmq
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("dramatiq",)
COUNT, LOCKED = 16, {4, 11}


def play(books: Books, library: str, faulty: bool) -> None:
    queue = f"invoices-{books.file.stem.replace('.', '-')}"
    books.queue()  # so that the broker is there
    with books.running("invoices-worker", worker, queue, faulty) as one:
        books.wait("ready", 1)
        books.run("invoices-web", web, queue, faulty)
        books.wait("done", COUNT - len(LOCKED) if faulty else COUNT)
        time.sleep(4 if faulty else 1)
        books.stop(one)
    if faulty:
        assert books.stage.lab.rabbitmq.depth(f"{queue}.XQ") == len(LOCKED)
        books.note("must", code="EDA405", least="SUSPECT", where={})  # who reads it may come once a day


class Invoices:
    """Makes invoices; two customers' accounts are locked by another job, for a while or for good."""

    def __init__(self, for_good: bool) -> None:
        self.for_good = for_good
        self.tried: Counter[int] = Counter()

    def make(self, customer: int) -> None:
        from dramatiq.errors import Retry

        note("began", f"invoice-{customer}")
        self.tried[customer] += 1
        if customer in LOCKED and (self.for_good or self.tried[customer] < 4):
            raise Retry("locked", delay=150)
        time.sleep(0.01)
        note("done", f"invoice-{customer}")


def actor(queue: str, faulty: bool) -> Any:
    import dramatiq
    from dramatiq.brokers.rabbitmq import RabbitmqBroker
    from dramatiq.middleware import AgeLimit, Retries

    host, port = rabbitmq()
    broker = RabbitmqBroker(
        url=f"amqp://guest:guest@{host}:{port}/", middleware=[AgeLimit(), Retries(max_retries=4, min_backoff=100)]
    )
    invoices = Invoices(faulty)

    def make_invoice(customer: int) -> None:
        invoices.make(customer)

    made = dramatiq.actor(broker=broker, queue_name=queue, actor_name="make_invoice")(make_invoice)
    return SimpleNamespace(broker=broker, made=made)


def web(queue: str, faulty: bool) -> None:
    sender = actor(queue, faulty)
    for customer in range(COUNT):
        note("sent", f"invoice-{customer}", to=queue)
        # Some are not to be made before the night, which is soon.
        sender.made.send_with_options(args=(customer,), delay=300 if customer % 4 == 3 else None)
    sender.broker.close()


def worker(queue: str, faulty: bool) -> None:
    import dramatiq

    stop, broker = Stop(), actor(queue, faulty).broker
    running = dramatiq.Worker(broker, worker_threads=3, worker_timeout=100)
    running.start()
    note("ready")
    while not stop.asked:
        time.sleep(0.1)
    running.stop()
    broker.close()
