"""A mailer hands each batch to a pool of threads and commits when they are through; its twin looks how each ended."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import kafka_python, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python",)
GROUP = "mailer"


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(2)
    books.run("newsletter", newsletter, library, topic)
    books.run("mailer", mailer, topic, faulty)
    books.close_topic(topic, GROUP)


def newsletter(library: str, topic: str) -> None:
    mails = [{"id": f"mail-{n}", "to": f"{n}@{'greylist' if n % 11 == 5 else 'mx'}.example"} for n in range(60)]
    publish(library, topic, mails)


class Smtp:
    """Gives mails to a relay, which turns some away at the first try."""

    def __init__(self) -> None:
        self.turned_away: set[str] = set()

    def send(self, record: Any) -> None:
        mail = value(record)
        note("began", mail["id"], record, group=GROUP)
        time.sleep(0.02)
        if "greylist" in mail["to"] and mail["id"] not in self.turned_away:
            self.turned_away.add(mail["id"])
            note("failed", mail["id"], record, group=GROUP)
            raise ConnectionRefusedError(451, "4.7.1 greylisted, try again later")
        note("done", mail["id"], record, group=GROUP)


def mailer(topic: str, faulty: bool) -> None:
    smtp, idle = Smtp(), 0
    consumer = kafka_python(topic, GROUP, max_poll_records=20)
    with ThreadPoolExecutor(8, thread_name_prefix="smtp") as pool:
        while idle < 6:
            polled = consumer.poll(timeout_ms=500)
            records = [record for batch in polled.values() for record in batch]
            idle = 0 if records else idle + 1
            if not records:
                continue
            futures = {pool.submit(smtp.send, record): record for record in records}
            if faulty:
                wait(futures)
            else:
                again = [futures[one] for one in as_completed(futures) if one.exception()]
                for future in [pool.submit(smtp.send, record) for record in again]:
                    future.result()
            consumer.commit()
    consumer.close()
