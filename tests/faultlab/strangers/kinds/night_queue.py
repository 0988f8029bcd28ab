"""A dramatiq worker is started for some queues by name, and one is left out; or another worker does it later.

Send spans to that queue are acknowledged, and there is no span or metric of anybody who receives from it (EDA107).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import rabbitmq
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("dramatiq",)
COUNT = 15


def play(books: Books, library: str, faulty: bool) -> None:
    suffix = books.file.stem.replace(".", "-")
    mails, thumbnails = f"mails-{suffix}", f"thumbnails-{suffix}"
    books.queue()  # so that the broker is there
    with books.running("media-worker", worker, mails, thumbnails, mails) as one:
        books.wait("ready", 1)
        books.run("media-web", web, mails, thumbnails)
        books.wait("done", COUNT)
        if not faulty:
            with books.running("media-night", worker, mails, thumbnails, thumbnails) as night:
                books.wait("done", 2 * COUNT)
                books.stop(night)
        books.stop(one)
    if faulty:
        assert books.stage.lab.rabbitmq.depth(thumbnails) == COUNT
        books.note("unread", to=thumbnails)


@dataclass
class App:
    """What web and workers have in common."""

    broker: Any
    mail: Any
    shrink: Any


def app(mails: str, thumbnails: str) -> App:
    import dramatiq
    from dramatiq.brokers.rabbitmq import RabbitmqBroker
    from dramatiq.middleware import Retries

    host, port = rabbitmq()
    broker = RabbitmqBroker(url=f"amqp://guest:guest@{host}:{port}/", middleware=[Retries(max_retries=2)])

    def mail(image: int) -> None:
        note("began", f"mail-{image}")
        time.sleep(0.02)
        note("done", f"mail-{image}")

    def shrink(image: int) -> None:
        note("began", f"thumbnail-{image}")
        time.sleep(0.05)
        note("done", f"thumbnail-{image}")

    return App(
        broker,
        dramatiq.actor(broker=broker, queue_name=mails, actor_name="mail")(mail),
        dramatiq.actor(broker=broker, queue_name=thumbnails, actor_name="shrink")(shrink),
    )


def web(mails: str, thumbnails: str) -> None:
    made = app(mails, thumbnails)
    for image in range(COUNT):
        note("sent", f"mail-{image}", to=mails)
        made.mail.send(image)
        note("sent", f"thumbnail-{image}", to=thumbnails)
        made.shrink.send(image)
    made.broker.close()


def worker(mails: str, thumbnails: str, only: str) -> None:
    """Work, as `dramatiq media --queues …` does."""
    import dramatiq

    stop, broker = Stop(), app(mails, thumbnails).broker
    running = dramatiq.Worker(broker, queues={only}, worker_threads=2, worker_timeout=100)
    running.start()
    note("ready")
    while not stop.asked:
        time.sleep(0.1)
    running.stop()
    broker.close()
