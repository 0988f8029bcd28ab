"""What cannot be read is parked by hand in a queue: nobody looks there; or the back office mends and returns it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import LIBRARIES, connect, publish, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT, BROKEN = 30, {4, 5, 19}


def play(books: Books, library: str, faulty: bool) -> None:
    orders, parked = books.queue(max_priority=3), books.queue()
    books.run("web", web, library, orders)
    with books.running("billing", billing, library, orders, parked) as one:
        books.wait("parked", len(BROKEN))
        if not faulty:
            books.run("back-office", back_office, library, parked, orders)
        books.stage.finish(one)
    books.close_queue(orders)
    if faulty:
        books.note("unread", to=parked)


def web(library: str, queue: str) -> None:
    for number in range(COUNT):
        order = {"id": f"order-{number}", "total": "12,50" if number in BROKEN else "12.50"}
        publish(library, queue, [order], message_id=f"order-{number}", priority=number % 3)


def billing(library: str, queue: str, parked: str) -> None:
    def bill(order: dict[str, Any], message: Any) -> str:
        note("began", order["id"], message)
        try:
            float(order["total"])
        except ValueError:
            publish(library, parked, [order], message_id=order["id"], headers={"reason": "total"})
            note("retired", order["id"], message)
            note("parked", order["id"])
            note("may", code="EDA405", where={"trace_id": message.headers["traceparent"].split("-")[1]})
            return "ack"
        time.sleep(0.005)
        note("done", order["id"], message)
        return "ack"

    work(library, queue, bill, prefetch=1, idle=12)


def back_office(library: str, parked: str, orders: str) -> None:
    """Whatever the services are written in, the tool of the back office is on pika."""
    connection = connect()
    channel = connection.channel()
    while True:
        method, properties, body = channel.basic_get(parked)
        if method is None:
            break
        order = json.loads(body)
        publish(library, orders, [{**order, "total": order["total"].replace(",", ".")}], message_id=order["id"])
        channel.basic_ack(method.delivery_tag)
        note("mended", order["id"], properties)
    connection.close()
