"""A campaign fills a queue with a maximum length, and the oldest clicks become dead letters; its twin's is longer.

What shows it: who reads the dead letters has a process span for each, with `eda.message.death_reason` `maxlen` and a
link to its send; no process span of the worker's has that link. In the twin only spam is refused, which is looked at.
"""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import connect, publish

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books

LIBRARIES = ("pika",)
COUNT, SPAM = 50, {4, 21}
log = logging.getLogger("dead-letters")


def play(books: Books, library: str, faulty: bool) -> None:
    dead = books.queue()
    length = 12 if faulty else 1000
    queue = books.queue(max_length=length, dead_letter_exchange="", dead_letter_routing_key=dead)
    with books.serving("attribution", attribution, queue), books.serving("dead-letters", dead_letters, dead):
        books.wait("ready", 2)
        books.run("campaign", campaign, library, queue)
        books.wait("ended", COUNT)
    if faulty:
        assert books.count("maxlen") > 0
    books.close_queue(queue)
    books.close_queue(dead)


def campaign(library: str, queue: str) -> None:
    publish(library, queue, [{"id": f"click-{n}", "spam": n in SPAM} for n in range(COUNT)])


class Worker:
    """Reads a queue, and says of each message whether it is good."""

    def __init__(self, queue: str, handle: Callable[[dict[str, Any], Any], bool]) -> None:
        self.handle = handle
        self.stop = Stop()
        self.connection = connect()
        channel = self.connection.channel()
        channel.basic_qos(prefetch_count=1)
        channel.basic_consume(queue, self._on_message)

    def _on_message(self, channel: Any, method: Any, properties: Any, body: bytes) -> None:
        if self.handle(json.loads(body), properties):
            channel.basic_ack(method.delivery_tag)
        else:
            channel.basic_reject(method.delivery_tag, requeue=False)

    def run(self) -> None:
        note("ready")
        while not self.stop.asked:
            self.connection.process_data_events(time_limit=0.2)
        self.connection.close()


def attribution(queue: str) -> None:
    def attribute(click: dict[str, Any], message: Any) -> bool:
        note("began", click["id"], message)
        time.sleep(0.15)
        if click["spam"]:
            return False
        note("done", click["id"], message)
        note("ended", click["id"])
        return True

    Worker(queue, attribute).run()


def dead_letters(queue: str) -> None:
    def tell(click: dict[str, Any], message: Any) -> bool:
        reason = message.headers["x-death"][0]["reason"]
        log.warning("%s died of %s", click["id"], reason)
        trace = message.headers["traceparent"].split("-")[1]
        note(reason, click["id"], message)
        note("retired", click["id"], message)
        if reason == "maxlen":
            note("must", code="EDA105", where={"trace_id": trace})
        note("may", code="EDA405", most="CONFIRMED", where={"trace_id": trace})
        note("ended", click["id"])
        return True

    Worker(queue, tell).run()
