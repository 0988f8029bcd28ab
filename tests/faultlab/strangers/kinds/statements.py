"""A batch takes longer than the group allows, its commit fails, and it is mailed again; or a register knows it then.

Shown by: a commit span with an error (`CommitFailedError`), the log events `eda.consumer.revoked` and
`eda.consumer.assigned`, and a second process span of each offset after one without an error.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, kafka_python, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python",)
GROUP = "statements"
COUNT, BATCH = 8, 4
MORE: dict[str, Any] = {"max_poll_interval_ms": 6000, "session_timeout_ms": 6000, "heartbeat_interval_ms": 1000}
log = logging.getLogger("statements")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    books.run("ledger", ledger, library, topic)
    with books.serving("statements", statements, topic, faulty):
        for batch in range(COUNT // BATCH):
            books.wait("through", (batch + 1) * BATCH)
    books.close_topic(topic, GROUP)
    # The wait before the next poll was longer than the group allows.
    books.note("may", code="EDA805", where={})
    for code in ("EDA504", "EDA602"):
        books.note("may", code=code, where={"group": GROUP})


def ledger(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"account-{n}", "year": 2025} for n in range(COUNT)])


class Mailer:
    """Renders statements, which takes its time once for each, and mails them."""

    def __init__(self, register: bool) -> None:
        self.register = register
        self.rendered: dict[str, str] = {}
        self.mailed: set[str] = set()

    def mail(self, record: Any) -> None:
        account = value(record)["id"]
        note("began", account, record, group=GROUP)
        if account not in self.rendered:
            time.sleep(2)
            self.rendered[account] = f"statement of {account}"
        if self.register and account in self.mailed:
            note("filtered", account, record, group=GROUP)
            return
        self.mailed.add(account)
        note("done", account, record, group=GROUP)


def statements(topic: str, faulty: bool) -> None:
    from kafka.errors import CommitFailedError

    stop, mailer = Stop(), Mailer(register=not faulty)
    consumer = kafka_python(topic, GROUP, **MORE)
    while not stop.asked:
        for records in consumer.poll(timeout_ms=500, max_records=BATCH).values():
            for record in records:
                mailer.mail(record)
            try:
                consumer.commit()
            except CommitFailedError as error:
                log.warning("will come again: %s", error)
                continue
            for _ in records:
                note("through")
    consumer.close()
