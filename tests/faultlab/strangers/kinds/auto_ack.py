"""A mailer lets the broker acknowledge by itself, and dies in the middle; its twin acknowledges what it has done."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import KILLED
from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import LIBRARIES, publish, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    books.run("newsletter", newsletter, library, queue)
    books.run("mailer", mailer, library, queue, faulty, 8, status=KILLED if faulty else 0)
    books.run("mailer", mailer, library, queue, faulty, 0)
    books.run("newsletter", newsletter, library, queue, 100)
    books.run("mailer", mailer, library, queue, faulty, 0)
    books.close_queue(queue)


def newsletter(library: str, queue: str, first: int = 0) -> None:
    publish(library, queue, [{"id": f"m-{first + n}", "to": f"user{n}@example.org"} for n in range(20)])


def mailer(library: str, queue: str, auto: bool, dies_at: int) -> None:
    mailed = 0

    def mail(event: dict[str, Any], message: Any) -> str:
        nonlocal mailed
        note("began", event["id"], message)
        mailed += 1
        if auto and mailed == dies_at:
            time.sleep(1.5)
            os.kill(os.getpid(), signal.SIGKILL)
        note("done", event["id"], message)
        return "ack"

    work(library, queue, mail, auto=auto)
