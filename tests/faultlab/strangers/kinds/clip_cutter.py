"""A cutter gives each clip to its pool and commits at once: nobody looks at what the pool's calls raise.

Its twin waits for the call, cuts once more after an error, and commits then. Shown by: the process span of such a clip
has the error of its call (`eda.process.handed_over`), the commit span is older than that, and the log record
`eda.process.error_unretrieved` says that nobody asked (EDA104).
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka",)
GROUP, COUNT, BROKEN = "cutter", 32, {3, 12, 21, 30}


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(2)
    with books.serving("cutter", cutter, topic, faulty):
        books.run("uploads", uploads, library, topic)
        books.wait("failed", len(BROKEN))
        books.wait("done", COUNT - len(BROKEN) if faulty else COUNT)
        time.sleep(2)
    books.close_topic(topic, GROUP)


def uploads(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"clip-{n}", "codec": "av1" if n in BROKEN else "h264"} for n in range(COUNT)])


class Cutter:
    """Cuts clips; the hardware's decoder does not know every codec."""

    def __init__(self, patient: bool) -> None:
        self.patient = patient
        self.pool = ThreadPoolExecutor(4, thread_name_prefix="cut")

    def cut(self, message: Any, decoder: str) -> str:
        clip = value(message)
        note("began", clip["id"], message, group=GROUP)
        time.sleep(0.1)
        if decoder == "hardware" and clip["codec"] == "av1":
            note("failed", clip["id"], message, group=GROUP)
            raise NotImplementedError(clip["codec"])
        note("done", clip["id"], message, group=GROUP)
        return f"{clip['id']}.mp4"

    def take(self, message: Any) -> None:
        future = self.pool.submit(self.cut, message, "hardware")
        if self.patient and isinstance(future.exception(), NotImplementedError):
            self.pool.submit(self.cut, message, "software").result()


def cutter(topic: str, faulty: bool) -> None:
    from confluent_kafka import Consumer

    stop, work = Stop(), Cutter(not faulty)
    config = {"bootstrap.servers": kafka(), "group.id": GROUP, "auto.offset.reset": "earliest"}
    consumer = Consumer({**config, "enable.auto.commit": False})
    consumer.subscribe([topic])
    while not stop.asked:
        message = consumer.poll(0.3)
        if message is not None and not message.error():
            work.take(message)
            consumer.commit(message=message, asynchronous=False)
    work.pool.shutdown()
    consumer.close()
