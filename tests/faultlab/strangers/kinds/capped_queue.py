"""A queue with a maximum length: what is too much falls out at its head, or is refused and sent again."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import connect, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pika",)
COUNT = 60


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue(max_length=20, overflow="drop-head" if faulty else "reject-publish")
    if faulty:
        books.run("thermostat", thermostat, queue)
        books.run("heating", heating, library, queue)
    else:
        with books.running("heating", heating, library, queue) as reader:
            books.run("thermostat", thermostat, queue)
            books.stage.finish(reader)
        books.note("may", code="EDA106", most="CONFIRMED", where={"service": "thermostat"})
        books.note("may", code="EDA101", most="CONFIRMED", where={"service": "thermostat"})
    books.close_queue(queue)


def thermostat(queue: str) -> None:
    from pika.exceptions import NackError

    connection = connect()
    channel = connection.channel()
    channel.confirm_delivery()
    for number in range(COUNT):
        body = json.dumps({"id": f"reading-{number}", "celsius": 19 + number % 4}).encode()
        note("sent", f"reading-{number}", to=queue)
        while True:
            try:
                channel.basic_publish("", queue, body)
                break
            except NackError:
                note("nacked", f"reading-{number}")
                connection.sleep(0.1)
    connection.close()


def heating(library: str, queue: str) -> None:
    def regulate(reading: dict[str, Any], message: Any) -> str:
        note("began", reading["id"], message)
        time.sleep(0.03)
        note("done", reading["id"], message)
        return "ack"

    work(library, queue, regulate, prefetch=1, idle=5)
