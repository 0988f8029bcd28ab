"""A bank checks payments in a pool, waits a moment for each, and lets those pass that take longer; or waits for these.

The check of a large payment asks another bank, which takes longer than the moment, and fails. By then the faulty one
has logged that it is late, and has committed; nobody looks at the end of the check any more.

Shown by: the process span of such a payment ends with the call in the pool and has its error; the group's commit is
past it (EDA104, a SUSPECT: who stops waiting for a call may find another way).
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import publish, value, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "confluent-kafka")
GROUP, COUNT, LARGE, MOMENT = "bank-checks", 40, {4, 11, 17}, 0.5
log = logging.getLogger("checks")


class SanctionError(Exception):
    """The other bank has no answer."""


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    books.run("payments", payments, library, topic)
    books.run("checks", checks, library, topic, faulty)
    assert books.count("done") == (COUNT - len(LARGE) if faulty else COUNT)
    books.close_topic(topic, GROUP)


def payments(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"payment-{n}", "cents": 10**7 if n in LARGE else 900 + n} for n in range(COUNT)])


def checks(library: str, topic: str, faulty: bool) -> None:
    pool, passed = ThreadPoolExecutor(4), set()

    def check(payment: dict[str, Any], message: Any) -> None:
        note("began", payment["id"], message, group=GROUP)
        time.sleep(1.5 if payment["cents"] > 10**6 else 0.1)
        if faulty and payment["cents"] > 10**6:
            note("failed", payment["id"], message, group=GROUP)
            raise SanctionError(payment["id"])
        passed.add(payment["id"])
        note("done", payment["id"], message, group=GROUP)

    def handle(_: dict[str, Any], message: Any) -> None:
        payment = value(message)
        future: Future[None] = pool.submit(check, payment, message)
        try:
            future.result(MOMENT)
        except Late:
            if faulty:
                note("logged", payment["id"], message, group=GROUP)
                log.error("no answer for %s in time, goes on", payment["id"])
                return
            log.warning("%s takes its time", payment["id"])
            future.result(60)

    work(library, topic, GROUP, handle)
    pool.shutdown()
