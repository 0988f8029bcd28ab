"""Offsets are stored when a message is polled, and committed behind the scenes; or when the work is done."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from faultlab.strangers.books import KILLED
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import confluent, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka",)
GROUP = "transcoder"


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    books.run("studio", studio, library, topic, 0)
    books.run("transcoder", transcode, topic, faulty, 9, status=KILLED)
    books.run("studio", studio, library, topic, 20)
    books.run("transcoder", transcode, topic, faulty, 0)
    books.close_topic(topic, GROUP)


def studio(library: str, topic: str, first: int) -> None:
    publish(library, topic, [{"id": f"clip-{first + n}", "seconds": n} for n in range(20)])


def transcode(topic: str, faulty: bool, dies_at: int) -> None:
    consumer, count, idle = confluent(topic, GROUP, auto=True, **{"enable.auto.offset.store": faulty}), 0, 0
    while idle < 8:
        message = consumer.poll(1)
        idle = idle + 1 if message is None else 0
        if message is None or message.error():
            continue
        clip, count = value(message), count + 1
        note("began", clip["id"], message, group=GROUP)
        time.sleep(0.02)
        if count == dies_at:
            time.sleep(2)
            os.kill(os.getpid(), signal.SIGKILL)
        note("done", clip["id"], message, group=GROUP)
        if not faulty:
            consumer.store_offsets(message)
    consumer.close()
