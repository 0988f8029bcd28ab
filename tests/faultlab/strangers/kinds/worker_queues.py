"""Dramatiq workers are deployed with a list of queues that lacks the new one; the twin's worker of it comes late.

What shows it: the web service has send spans to the new queue, without an error. Nobody has a receive or process span
of it, nor a count, while the other queue of the same service is read (EDA107).
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
MAILS, TEXTS = 20, 15


def play(books: Books, library: str, faulty: bool) -> None:
    stem = books.file.stem.replace(".", "-")
    mails, texts = f"mails-{stem}", f"texts-{stem}"
    books.queue()  # so that the broker is there
    with books.serving("notifier", worker, mails, texts, [mails]):
        books.wait("ready", 1)
        books.run("shop-web", web, mails, texts)
        books.wait("done", MAILS)
        time.sleep(1)
        if not faulty:
            with books.serving("texter", worker, mails, texts, [texts]):
                books.wait("done", MAILS + TEXTS)
    if faulty:
        assert books.stage.lab.rabbitmq.depth(texts) == TEXTS
        books.note("unread", to=texts)


def actors(mails: str, texts: str) -> Any:
    import dramatiq
    from dramatiq.brokers.rabbitmq import RabbitmqBroker

    host, port = rabbitmq()
    broker = RabbitmqBroker(url=f"amqp://guest:guest@{host}:{port}/")

    def send_mail(user: int) -> None:
        note("began", f"mail-{user}")
        time.sleep(0.01)
        note("done", f"mail-{user}")

    def send_text(user: int) -> None:
        note("began", f"text-{user}")
        time.sleep(0.01)
        note("done", f"text-{user}")

    return SimpleNamespace(
        broker=broker,
        send_mail=dramatiq.actor(broker=broker, queue_name=mails)(send_mail),
        send_text=dramatiq.actor(broker=broker, queue_name=texts)(send_text),
    )


def web(mails: str, texts: str) -> None:
    sender = actors(mails, texts)
    for user in range(MAILS):
        note("sent", f"mail-{user}", to=mails)
        sender.send_mail.send(user)
        if user < TEXTS:
            note("sent", f"text-{user}", to=texts)
            sender.send_text.send(user)
    sender.broker.close()


def worker(mails: str, texts: str, queues: list[str]) -> None:
    import dramatiq

    stop, broker = Stop(), actors(mails, texts).broker
    running = dramatiq.Worker(broker, queues=set(queues), worker_threads=2, worker_timeout=100)
    running.start()
    note("ready")
    while not stop.asked:
        time.sleep(0.1)
    running.stop()
    broker.close()
