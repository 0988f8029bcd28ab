"""A ledger spreads its postings over threads: by turns, so that those of an account race; or by account."""

from __future__ import annotations

import logging
import queue
import threading
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import kafka_python, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python",)
GROUP = "ledger"
WORKERS = 4
log = logging.getLogger("ledger")


def play(books: Books, library: str, faulty: bool) -> None:
    postings, balances = books.topic(1), books.topic(1)
    books.run("bank", bank, library, postings)
    books.run("ledger", ledger, library, postings, balances, faulty)
    books.note("archive", to=balances)
    books.close_topic(postings, GROUP)


def bank(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"p-{n}", "account": n % 3, "large": n % 8 == 0} for n in range(48)], "account")


class Worker(threading.Thread):
    """Posts what is in its inbox, one after the other."""

    def __init__(self, library: str, balances: str) -> None:
        super().__init__(daemon=True)
        self.inbox: queue.Queue[Any] = queue.Queue()
        self.library, self.balances = library, balances

    def run(self) -> None:
        while True:
            message = self.inbox.get()
            posting = value(message)
            note("began", posting["id"], message, group=GROUP)
            time.sleep(0.3 if posting["large"] else 0.01)
            publish(
                self.library, self.balances, [{"id": f"b-{posting['id']}", "account": posting["account"]}], "account"
            )
            note("done", posting["id"], message, group=GROUP)
            self.inbox.task_done()


def ledger(library: str, postings: str, balances: str, by_turns: bool) -> None:
    workers = [Worker(library, balances) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    consumer, turn, empty = kafka_python(postings, GROUP), 0, 0
    while empty < 6:
        batch = consumer.poll(timeout_ms=500, max_records=16)
        empty = 0 if batch else empty + 1
        for partition, messages in batch.items():
            consumer.pause(partition)
            for message in messages:
                turn += 1
                number = turn if by_turns else int(message.key)
                workers[number % WORKERS].inbox.put(message)
        for worker in workers:
            worker.inbox.join()
        if batch:
            consumer.resume(*batch)
            consumer.commit()
            log.info("%d postings", sum(map(len, batch.values())))
    consumer.close()
