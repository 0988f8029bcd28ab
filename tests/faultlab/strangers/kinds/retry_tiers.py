"""Retry topics with delays: what fails at each ends in a dead-letter topic; in the twin the last one succeeds."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import publish, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "confluent-kafka")
GROUP = "webhooks"
DELAYS = (0.0, 0.3, 0.6)
log = logging.getLogger("webhooks")


def play(books: Books, library: str, faulty: bool) -> None:
    tiers = [books.topic(1) for _ in DELAYS]
    dead = tiers[0] + ".dead"
    books.run("billing", billing, library, tiers[0])
    for tier in range(len(tiers)):
        books.run("webhooks", deliver, library, [*tiers, dead], tier, faulty)
    if faulty:
        books.note("archive", to=dead)
    for topic in tiers:
        books.close_topic(topic, GROUP)


def billing(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"hook-{n}", "url": f"https://{n}.example"} for n in range(24)])


def deliver(library: str, topics: list[str], tier: int, faulty: bool) -> None:
    def call(hook: dict[str, Any], message: Any) -> None:
        if tier:
            time.sleep(max(0.0, hook["due"] - time.time()))
        note("began", hook["id"], message, group=GROUP)
        number = int(hook["id"].partition("-")[2])
        answers = number % 6 != 3 or (not faulty and tier == number % 2 + 1)
        if answers:
            note("done", hook["id"], message, group=GROUP)
            return
        later = topics[tier + 1]
        log.warning("%s did not answer; it goes to %s", hook["url"], later)
        note("aside" if later == topics[-1] else "retired", hook["id"], message, group=GROUP)
        due = time.time() + (DELAYS[tier + 1] if tier + 1 < len(DELAYS) else 0)
        publish(library, later, [{**hook, "due": due, "tries": tier + 1}])

    work(library, topics[tier], GROUP, call)
