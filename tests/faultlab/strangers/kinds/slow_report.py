"""A report takes longer than its group waits for a member, and another one makes it, too; its twin goes on polling."""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, kafka_python, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python",)
GROUP = "reports"
log = logging.getLogger("reports")


def play(books: Books, library: str, faulty: bool) -> None:
    topic, cache = books.topic(1), str(books.file.with_suffix(".cache"))
    program = by_the_book if faulty else in_a_thread
    with books.running("reports", program, topic, cache) as one, books.running("reports", program, topic, cache) as two:
        time.sleep(3)
        books.run("crm", crm, library, topic)
        books.wait("done", 10 + faulty, "reports")
        time.sleep(1)
        for program_ in (one, two):
            books.stop(program_)
    books.close_topic(topic, GROUP)
    if faulty:  # which is why
        books.note("may", code="EDA504", where={"service": "reports", "group": GROUP})


def crm(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"r-{n}", "customers": 70_000 if n == 5 else 30} for n in range(10)])


def make(report: dict[str, Any], cache: str) -> None:
    if report["customers"] < 1000:
        time.sleep(0.03)
    elif os.path.exists(cache):  # the database has it in memory by now
        time.sleep(1)
    else:
        open(cache, "w").close()
        time.sleep(8)


def consumer(topic: str) -> Any:
    return kafka_python(topic, GROUP, max_poll_interval_ms=4000, max_poll_records=1, consumer_timeout_ms=500)


def by_the_book(topic: str, cache: str) -> None:
    from kafka.errors import CommitFailedError

    stop, reader = Stop(), consumer(topic)
    while not stop.asked:
        for message in reader:
            report = value(message)
            note("began", report["id"], message, group=GROUP, pid=os.getpid())
            make(report, cache)
            note("done", report["id"], message, group=GROUP, pid=os.getpid())
            try:
                reader.commit()
            except CommitFailedError as error:
                log.warning("could not commit: %s", error)
            if stop.asked:
                break
    reader.close()


def in_a_thread(topic: str, cache: str) -> None:
    stop, reader = Stop(), consumer(topic)
    while not stop.asked:
        for messages in reader.poll(timeout_ms=500).values():
            for message in messages:
                report = value(message)
                note("began", report["id"], message, group=GROUP, pid=os.getpid())
                thread = threading.Thread(target=make, args=(report, cache))
                thread.start()
                reader.pause(*reader.assignment())
                while thread.is_alive():
                    reader.poll(timeout_ms=100)
                reader.resume(*reader.assignment())
                note("done", report["id"], message, group=GROUP, pid=os.getpid())
                reader.commit()
    reader.close()
