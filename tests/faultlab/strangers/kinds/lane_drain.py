"""A reader fills a simple queue, and a thread drains it by the dozen: at the stop the rest is left, or written."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, kafka_python, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python",)
GROUP = "metrics-writer"


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    books.run("agents", agents, library, topic)
    with books.running("metrics-writer", writer, topic, faulty) as one:
        books.wait("done", 24)
        books.stop(one)
    if faulty:
        books.run("agents", more, library, topic)
        with books.running("metrics-writer", writer, topic, faulty) as two:
            books.wait("ready", 2)
            time.sleep(5)
            books.stop(two)
    books.close_topic(topic, GROUP)


def agents(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"point-{n}", "value": n} for n in range(60)])


def more(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"point-{n}", "value": n} for n in range(60, 90)])


class Lane:
    """A thread that writes what is in the queue, twelve at once."""

    def __init__(self) -> None:
        self.queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.open = True
        self.thread = threading.Thread(target=self.write, name="lane", daemon=True)
        self.thread.start()

    def write(self) -> None:
        while self.open:
            rows = self.drain(12)
            for record in rows:
                note("began", value(record)["id"], record, group=GROUP)
            time.sleep(0.4)
            for record in rows:
                note("done", value(record)["id"], record, group=GROUP)

    def drain(self, most: int) -> list[Any]:
        rows: list[Any] = []
        while len(rows) < most:
            try:
                rows.append(self.queue.get_nowait())
            except queue.Empty:
                break
        return rows

    def close(self, dropping: bool) -> None:
        while not dropping and not self.queue.empty():
            time.sleep(0.05)
        self.open = False
        self.thread.join()


def writer(topic: str, faulty: bool) -> None:
    stop, lane = Stop(), Lane()
    note("ready")
    consumer = kafka_python(topic, GROUP, consumer_timeout_ms=200)
    while not stop.asked:
        for record in consumer:
            lane.queue.put(record)
            if faulty:
                consumer.commit()
            if stop.asked:
                break
    lane.close(dropping=faulty)
    if not faulty:
        consumer.commit()
    consumer.close()
