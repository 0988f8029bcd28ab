"""A master forks workers that charge tolls: each commits first, and dies of a plate it does not know; or commits last.

What shows it: the group's committed offsets pass the message, as the spans of its commits or the event
`eda.consumer.position` say, and its process span has an `error.type`, or is not there at all (EDA104). The twin's
workers die as well, but their successors have the message again, and know the plate.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, confluent, kafka_python, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "confluent-kafka")
GROUP, COUNT, WORKERS, STRANGE = "toll-charges", 44, 2, {13, 29}
SESSION: dict[str, Any] = {"session.timeout.ms": 6000}


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(4)
    master = {"kafka-python": by_multiprocessing, "confluent-kafka": by_fork}[library]
    with books.running("tolls", master, topic, faulty) as running:
        books.wait("ready", WORKERS)
        books.run("gantries", gantries, topic)
        books.wait("done", COUNT - len(STRANGE) if faulty else COUNT)
        books.wait("ready", WORKERS + 1)
        time.sleep(2)
        books.stop(running)
    books.close_topic(topic, GROUP)
    # A commit may wait for a rebalance, in the pass of its message.
    books.note("may", code="EDA502", where={"group": GROUP, "destination": topic})


def gantries(topic: str) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka(), "linger.ms": 5})
    for number in range(COUNT):
        passage = {"id": f"passage-{number}", "plate": f"{'XX' if number in STRANGE else 'D'}-{number}"}
        note("sent", passage["id"], to=topic)
        producer.produce(topic, json.dumps(passage), partition=number % 4)
        producer.poll(0.03)
    producer.flush(60)


class Charges:
    """Charges the owner of a plate, as far as its country is known."""

    def __init__(self, knows_all: bool) -> None:
        self.rates = {"D": 12, **({"XX": 15} if knows_all else {})}

    def charge(self, message: Any) -> None:
        passage = value(message)
        note("began", passage["id"], message, group=GROUP)
        time.sleep(0.02)
        country = passage["plate"].partition("-")[0]
        if country not in self.rates:
            note("failed", passage["id"], message, group=GROUP)
        _ = self.rates[country]
        note("done", passage["id"], message, group=GROUP)


def work(library: str, topic: str, faulty: bool, generation: int) -> None:
    """Charge until told to end, or until an error ends the worker."""
    charges = Charges(knows_all=generation > 0 and not faulty)
    (by_kafka_python if library == "kafka-python" else by_confluent)(topic, faulty, charges)


def by_kafka_python(topic: str, faulty: bool, charges: Charges) -> None:
    stop, consumer = Stop(), kafka_python(topic, GROUP, consumer_timeout_ms=500, session_timeout_ms=6000)
    note("ready")
    while not stop.asked:
        for message in consumer:
            if faulty:
                consumer.commit()
            charges.charge(message)
            if not faulty:
                consumer.commit()
            if stop.asked:
                break
    consumer.close()


def by_confluent(topic: str, faulty: bool, charges: Charges) -> None:
    stop, consumer = Stop(), confluent(topic, GROUP, **SESSION)
    note("ready")
    while not stop.asked:
        message = consumer.poll(0.5)
        if message is None or message.error():
            continue
        if faulty:
            consumer.commit(message, asynchronous=False)
        charges.charge(message)
        if not faulty:
            consumer.commit(message, asynchronous=False)
    consumer.close()


def by_multiprocessing(topic: str, faulty: bool) -> None:
    """Keep so many workers, as `multiprocessing` makes them."""
    stop, made = Stop(), 0
    workers: list[Any] = []
    while not stop.asked:
        workers = [worker for worker in workers if worker.is_alive()]
        while len(workers) < WORKERS:
            generation, made = made // WORKERS, made + 1
            worker = multiprocessing.Process(target=work, args=("kafka-python", topic, faulty, generation))
            worker.start()
            workers.append(worker)
        time.sleep(0.2)
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.join(30)


def by_fork(topic: str, faulty: bool) -> None:
    """Keep so many workers, as `os.fork` makes them."""
    stop, made = Stop(), 0
    workers: set[int] = set()
    while not stop.asked:
        while len(workers) < WORKERS:
            generation, made = made // WORKERS, made + 1
            workers.add(forked(topic, faulty, generation))
        workers -= {pid for pid in workers if os.waitpid(pid, os.WNOHANG)[0]}
        time.sleep(0.2)
    for pid in workers:
        os.kill(pid, signal.SIGTERM)
    for pid in workers:
        os.waitpid(pid, 0)


def forked(topic: str, faulty: bool, generation: int) -> int:
    """Fork a worker; the child never comes back from here."""
    pid = os.fork()
    if pid == 0:
        work("confluent-kafka", topic, faulty, generation)
        sys.exit()
    return pid
