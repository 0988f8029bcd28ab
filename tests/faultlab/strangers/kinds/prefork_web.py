"""A pre-forking web server makes its Kafka producer before it forks, and the workers' copies of it send nothing.

In the twin each worker makes its own. What shows it: the send spans of a worker end with the worker, without an answer
of the broker; their `error.type` is `eda.unresolved`.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers import diary
from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka",)
WORKERS, REQUESTS, LONGEST = 2, 6, 20.0
log = logging.getLogger("server")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    books.run("sign-ups", server, topic, faulty)
    books.close_topic(topic)
    assert books.count("sent") == 1 + WORKERS * REQUESTS
    stored = sum(line["what"] == "stored" for line in diary.read(books.file))
    assert stored == (1 if faulty else 1 + WORKERS * REQUESTS)
    books.note("archive", to=topic)


def producer() -> Any:
    from confluent_kafka import Producer

    return Producer({"bootstrap.servers": kafka(), "client.id": f"sign-ups-{os.getpid()}"})


class Application:
    """What a worker runs for each request."""

    def __init__(self, topic: str, make: Callable[[], Any]) -> None:
        self.topic = topic
        self.make = make
        self.producer: Any = None

    def sign_up(self, name: str) -> int:
        if self.producer is None:  # an empty one is false
            self.producer = self.make()
        note("sent", name, to=self.topic)
        self.producer.produce(self.topic, json.dumps({"id": name}), key=name)
        self.producer.poll(0)
        return 201

    def close(self) -> None:
        left = self.producer.flush(5)
        if left:
            log.warning("%d events were not sent in time", left)


def server(topic: str, faulty: bool) -> None:
    shared = producer()
    note("sent", "server-started", to=topic)
    shared.produce(topic, json.dumps({"id": "server-started"}), key="server")
    shared.flush(30)
    application = Application(topic, (lambda: shared) if faulty else producer)
    workers = [fork(application, number) for number in range(WORKERS)]
    for worker in workers:
        reap(worker)


def fork(application: Application, number: int) -> int:
    worker = os.fork()
    if worker:
        return worker
    for request in range(REQUESTS):
        assert application.sign_up(f"user-{number}-{request}") == 201
        time.sleep(0.05)
    application.close()
    sys.exit(0)


def reap(worker: int) -> None:
    """Wait for a worker's end, and end one that does not, as such servers do."""
    until = time.monotonic() + LONGEST
    while os.waitpid(worker, os.WNOHANG) == (0, 0):
        if time.monotonic() > until:
            os.kill(worker, signal.SIGKILL)
            os.waitpid(worker, 0)
            log.warning("worker %d was too slow to end", worker)
            return
        time.sleep(0.1)
