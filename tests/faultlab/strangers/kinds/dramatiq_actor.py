"""Actors of dramatiq's: what fails to the end is dead-lettered; in the twin the second try succeeds."""

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


def play(books: Books, library: str, faulty: bool) -> None:
    queue = f"reports-{books.file.stem.replace('.', '-')}"
    books.queue()  # so that the broker is there
    with books.running("reports-worker", worker, queue, faulty) as one:
        books.wait("ready", 1)
        books.run("reports-web", web, queue, faulty)
        books.wait("done", 19 if faulty else 20)
        time.sleep(3)
        books.stop(one)
    if faulty:
        assert books.stage.lab.rabbitmq.depth(f"{queue}.XQ") == 1
        books.note("must", code="EDA405", least="SUSPECT", where={})  # who reads it may come once a day


class Reports:
    """Makes reports; one customer's has a table that is locked, for a while or for good."""

    def __init__(self, for_good: bool) -> None:
        self.for_good = for_good
        self.tried: set[int] = set()

    def make(self, customer: int) -> None:
        note("began", f"report-{customer}")
        time.sleep(0.02)
        if customer == 13 and (self.for_good or customer not in self.tried):
            self.tried.add(customer)
            note("failed", f"report-{customer}")
            raise TimeoutError("canceling statement due to lock timeout")
        note("done", f"report-{customer}")


def actor(queue: str, faulty: bool) -> Any:
    import dramatiq
    from dramatiq.brokers.rabbitmq import RabbitmqBroker
    from dramatiq.middleware import Retries

    host, port = rabbitmq()
    broker = RabbitmqBroker(
        url=f"amqp://guest:guest@{host}:{port}/",
        middleware=[Retries(max_retries=1, min_backoff=200, max_backoff=400)],
    )
    reports = Reports(faulty)

    def make_report(customer: int) -> None:
        reports.make(customer)

    made = dramatiq.actor(broker=broker, queue_name=queue, actor_name="make_report")(make_report)
    return SimpleNamespace(broker=broker, send=made.send)


def web(queue: str, faulty: bool) -> None:
    sender = actor(queue, faulty)
    for customer in range(20):
        note("sent", f"report-{customer}", to=queue)
        sender.send(customer)
    sender.broker.close()


def worker(queue: str, faulty: bool) -> None:
    import dramatiq

    stop, broker = Stop(), actor(queue, faulty).broker
    running = dramatiq.Worker(broker, worker_threads=4, worker_timeout=100)
    running.start()
    note("ready")
    while not stop.asked:
        time.sleep(0.1)
    running.stop()
    broker.close()
