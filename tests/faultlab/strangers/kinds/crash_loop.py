"""A geocoder dies of one address at each start, until somebody looks; its twin is restarted as often by deploys."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import LIBRARIES, publish, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
GROUP = "geocoder"


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    books.run("crm", crm, library, topic)
    for _ in range(4):
        books.run("geocoder", geocoder, library, topic, faulty, status=1 if faulty else 0)
    books.close_topic(topic, GROUP)


def crm(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"a-{n}", "zip": "n/a" if n == 37 else f"{10000 + n}"} for n in range(48)])


def geocoder(library: str, topic: str, faulty: bool) -> None:
    handled = 0

    def locate(address: dict[str, Any], message: Any) -> None:
        nonlocal handled
        note("began", address["id"], message, group=GROUP)
        handled += 1
        try:
            int(address["zip"]) if faulty else None
        except ValueError:
            note("failed", address["id"], message, group=GROUP)
            raise
        note("done", address["id"], message, group=GROUP)
        if not faulty and handled % 12 == 0:
            import os
            import signal

            os.kill(os.getpid(), signal.SIGTERM)

    try:
        work(library, topic, GROUP, locate)
    except ValueError as error:
        sys.exit(f"fatal: {error}")
