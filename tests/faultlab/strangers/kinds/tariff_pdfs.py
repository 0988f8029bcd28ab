"""A Dramatiq actor has a second for each PDF and no second try: large ones end as dead letters that nobody reads.

Dramatiq raises `TimeLimitExceeded` in the thread, and gives the message up. The twin's actor has a minute, and its
large PDFs take as long as before.

Shown by: the process span of such a message has `error.type` `TimeLimitExceeded` after a second, and the span `nack`
without requeue has `eda.settle.dead_letter` (EDA405); no span is of the queue `….XQ`.
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
COUNT, LARGE = 24, {5, 12, 19}
QUICK, SLOW = 0.02, 5.0  # seconds


def play(books: Books, library: str, faulty: bool) -> None:
    queue = f"tariffs-{books.file.stem.replace('.', '-')}"
    books.queue()  # so that the broker is there
    with books.running("tariff-worker", worker, queue, faulty) as one:
        books.wait("ready", 1)
        books.run("tariff-editor", editor, queue, faulty)
        books.wait("done", COUNT - len(LARGE) if faulty else COUNT)
        books.wait("failed", len(LARGE) if faulty else 0)
        time.sleep(2)
        books.stop(one)
    assert books.stage.lab.rabbitmq.depth(f"{queue}.XQ") == (len(LARGE) if faulty else 0)
    if faulty:
        # While they are young, somebody may yet read them.
        books.note("must", code="EDA405", least="SUSPECT", where={"service": "tariff-worker"})


class Pdfs:
    """Makes PDFs, page by page."""

    def make(self, tariff: int) -> None:
        from dramatiq.middleware import TimeLimitExceeded

        note("began", f"tariff-{tariff}")
        until = time.monotonic() + (SLOW if tariff in LARGE else QUICK)
        try:
            while time.monotonic() < until:
                time.sleep(0.01)
        except TimeLimitExceeded:
            note("failed", f"tariff-{tariff}")
            raise
        note("done", f"tariff-{tariff}")


def actor(queue: str, faulty: bool) -> Any:
    import dramatiq
    from dramatiq.brokers.rabbitmq import RabbitmqBroker
    from dramatiq.middleware import Retries, TimeLimit

    host, port = rabbitmq()
    broker = RabbitmqBroker(
        url=f"amqp://guest:guest@{host}:{port}/", middleware=[TimeLimit(interval=100), Retries(max_retries=0)]
    )
    pdfs = Pdfs()

    def make_pdf(tariff: int) -> None:
        pdfs.make(tariff)

    made = dramatiq.actor(
        broker=broker, queue_name=queue, actor_name="make_pdf", time_limit=1000 if faulty else 60_000
    )(make_pdf)
    return SimpleNamespace(broker=broker, send=made.send)


def editor(queue: str, faulty: bool) -> None:
    sender = actor(queue, faulty)
    for tariff in range(COUNT):
        note("sent", f"tariff-{tariff}", to=queue)
        sender.send(tariff)
    sender.broker.close()


def worker(queue: str, faulty: bool) -> None:
    import dramatiq

    stop, broker = Stop(), actor(queue, faulty).broker
    broker.emit_after("process_boot")  # as dramatiq's command does, so that limits are looked after
    running = dramatiq.Worker(broker, worker_threads=4, worker_timeout=100)
    running.start()
    note("ready")
    while not stop.asked:
        time.sleep(0.1)
    running.stop()
    broker.close()
