"""Codes by text message are to be valid for 30 seconds, but pika's expiration is in milliseconds; the twin knows that.

What shows it: who reads the dead letters has a process span for each expired message, with `eda.message.death_reason`
`expired` and a link to its send; no other process span has that link.
"""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import connect

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pika",)
COUNT, VALID = 24, 30  # seconds
log = logging.getLogger("sms")


def play(books: Books, library: str, faulty: bool) -> None:
    dead = books.queue()
    queue = books.queue(dead_letter_exchange="", dead_letter_routing_key=dead)
    with books.serving("sms", sms, queue), books.serving("alarms", alarms, dead):
        books.wait("ready", 2)
        books.run("login", login, queue, str(VALID if faulty else VALID * 1000))
        if faulty:
            books.wait("expired", 2)
            time.sleep(3)
        else:
            books.wait("done", COUNT)
    books.close_queue(queue)


def login(queue: str, expiration: str) -> None:
    import pika

    connection = connect()
    channel = connection.channel()
    channel.confirm_delivery()
    for number in range(COUNT):
        name = f"code-{number}"
        note("sent", name, to=queue)
        properties = pika.BasicProperties(expiration=expiration, message_id=name, delivery_mode=2)
        channel.basic_publish("", queue, json.dumps({"id": name}).encode(), properties)
    connection.close()


def sms(queue: str) -> None:
    def send(code: dict[str, Any], message: Any) -> None:
        note("began", code["id"], message)
        time.sleep(0.3)  # the provider is not quick
        note("done", code["id"], message)

    consume(queue, send)


def alarms(dead: str) -> None:
    def tell(code: dict[str, Any], message: Any) -> None:
        reason = message.headers["x-death"][0]["reason"]
        log.warning("%s is in the dead letters: %s", code["id"], reason)
        note(reason, code["id"], message)
        note("retired", code["id"], message)
        trace = message.headers["traceparent"].split("-")[1]
        note("must", code="EDA105", where={"trace_id": trace})
        note("may", code="EDA405", most="CONFIRMED", where={"trace_id": trace})

    consume(dead, tell)


def consume(queue: str, handle: Any) -> None:
    stop, connection = Stop(), connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=1)

    def on_message(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        handle(json.loads(body), properties)
        ch.basic_ack(method.delivery_tag)

    channel.basic_consume(queue, on_message)
    note("ready")
    while not stop.asked:
        connection.process_data_events(time_limit=0.2)
    connection.close()
