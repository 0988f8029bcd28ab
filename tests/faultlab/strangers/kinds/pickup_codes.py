"""Codes for parcels, by dramatiq: an age limit drops all that waited for a deployment; the twin's is an hour.

What is too old is not run: dramatiq logs a warning, and refuses the message, so that it goes to the queue's dead
letters (`….XQ`), at which nobody looks.

Shown by: the refusals have nack spans with `eda.settle.requeue` false and `eda.settle.dead_letter` true, and nobody
has a span of these messages afterwards (EDA405).
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
NIGHT, DAY = 12, 20
SHORT, LONG = 10, 3600  # seconds


def play(books: Books, library: str, faulty: bool) -> None:
    queue = f"codes-{books.file.stem.replace('.', '-')}"
    books.queue()  # so that the broker is there; dramatiq declares its own
    books.run("parcel-web", web, queue, faulty, 0, NIGHT)
    time.sleep(SHORT + 2)  # the deployment takes its time
    with books.running("code-sender", worker, queue, faulty) as one:
        books.wait("ready", 1)
        # By now the worker is warm, and a code is sent within the limit.
        books.run("parcel-web", web, queue, faulty, NIGHT, NIGHT + DAY)
        books.wait("done", DAY if faulty else NIGHT + DAY)
        time.sleep(2)
        books.stop(one)
    if faulty:
        assert books.count("done") == DAY
        assert books.stage.lab.rabbitmq.depth(f"{queue}.XQ") == NIGHT
        books.note("must", code="EDA405", where={"within": queue})
        books.note("may", code="EDA501", where={"within": queue})  # they did wait, and then were looked at
    else:
        assert books.stage.lab.rabbitmq.depth(f"{queue}.XQ") == 0


class Gateway:
    """Sends text messages."""

    def __init__(self) -> None:
        self.sent: list[int] = []

    def text(self, parcel: int) -> None:
        time.sleep(0.02)
        self.sent.append(parcel)


def sender(queue: str, limit: float) -> Any:
    import dramatiq
    from dramatiq.brokers.rabbitmq import RabbitmqBroker

    host, port = rabbitmq()
    broker, gateway = RabbitmqBroker(url=f"amqp://guest:guest@{host}:{port}/"), Gateway()

    def send_code(parcel: int) -> None:
        note("began", f"parcel-{parcel}")
        gateway.text(parcel)
        note("done", f"parcel-{parcel}")

    made = dramatiq.actor(broker=broker, queue_name=queue, actor_name="send_code", max_age=limit * 1000)(send_code)
    return SimpleNamespace(broker=broker, send=made.send)


def web(queue: str, faulty: bool, first: int, last: int) -> None:
    codes = sender(queue, SHORT if faulty else LONG)
    for parcel in range(first, last):
        note("sent", f"parcel-{parcel}", to=queue)
        codes.send(parcel)
    codes.broker.close()


def worker(queue: str, faulty: bool) -> None:
    import dramatiq

    stop, broker = Stop(), sender(queue, SHORT if faulty else LONG).broker
    running = dramatiq.Worker(broker, worker_threads=3, worker_timeout=100)
    running.start()
    note("ready")
    while not stop.asked:
        time.sleep(0.1)
    running.stop()
    broker.close()
