"""A FastStream service is deployed anew in the midst of traffic: its release refuses express parcels; or does not.

What shows it: the process spans of express parcels have an error, and settle spans that refuse them; nobody has them
afterwards (EDA104). What came while the old process ended was not begun, and comes again to the new one.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note, where
from faultlab.strangers.rabbit_house import connect, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aio-pika",)
COUNT, EARLY = 160, 30


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with books.running("sorter", sorter, queue, False) as old:
        books.wait("up", 1)
        with books.running("scanner", scanner, queue) as sending:
            books.wait("done", EARLY)
            books.stop(old)
            with books.running("sorter", sorter, queue, faulty) as new:
                books.stage.finish(sending)
                books.wait("ended", COUNT)
                time.sleep(1)
                books.stop(new)
    assert books.count("began") == COUNT
    books.close_queue(queue)


def scanner(queue: str) -> None:
    import pika

    connection = connect()
    channel = connection.channel()
    channel.confirm_delivery()
    for number in range(COUNT):
        parcel = {"id": f"parcel-{number}", "express": number % 12 == 0}
        note("sent", parcel["id"], to=queue)
        channel.basic_publish("", queue, json.dumps(parcel).encode(), pika.BasicProperties(delivery_mode=2))
        time.sleep(0.03)
    connection.close()


class Sorter:
    """Sorts parcels; a release may lack the chute of express parcels."""

    def __init__(self, lacking: bool) -> None:
        self.chutes = {False: 4} if lacking else {False: 4, True: 1}

    async def sort(self, parcel: dict[str, Any], message: Any) -> None:
        at = {"trace_id": where(message)["created"].partition("-")[0]}
        note("began", parcel["id"], at=at)
        await asyncio.sleep(0.7)
        try:
            chute = self.chutes[parcel["express"]]
        except KeyError:
            note("failed", parcel["id"], at=at)
            note("ended", parcel["id"])
            raise
        note("done", parcel["id"], at=at, chute=chute)
        note("ended", parcel["id"])


def sorter(queue: str, lacking: bool) -> None:
    from faststream import FastStream
    from faststream.rabbit import RabbitBroker, RabbitMessage, RabbitQueue

    broker, one = RabbitBroker(url()), Sorter(lacking)

    async def on_parcel(event: dict[str, Any], message: RabbitMessage) -> None:
        await one.sort(event, message.raw_message)

    async def started() -> None:
        note("up")

    on_parcel.__annotations__ = {"event": dict, "message": RabbitMessage, "return": None}
    broker.subscriber(RabbitQueue(queue, durable=True))(on_parcel)
    asyncio.run(FastStream(broker, after_startup=[started]).run())
