"""A release of the shop renames a field, and FastStream turns its orders away; the twin's model knows both names."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("faststream",)


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with books.running("picking", picking, queue, faulty) as one:
        books.run("shop", shop, queue, "sku")
        books.run("shop", shop, queue, "article")
        books.run("shop", shop, queue, "sku")  # it was rolled back
        books.wait("done", 30 if faulty else 42)
        time.sleep(1)
        books.stop(one)
    books.close_queue(queue)
    if faulty:
        books.note("may", code="EDA401", most="CONFIRMED", where={"service": "picking"})


def shop(queue: str, field: str) -> None:
    count = 12 if field == "article" else 15
    stamp = time.time_ns() // 1_000_000
    publish("aio-pika", queue, [{"id": f"{field}-{stamp}-{n}", field: f"A{n}", "count": 1} for n in range(count)])


def model(faulty: bool) -> type[Any]:
    from pydantic import AliasChoices, BaseModel, Field, create_model

    names = Field() if faulty else Field(validation_alias=AliasChoices("sku", "article"))
    made: type[BaseModel] = create_model("Order", id=(str, ...), sku=(str, names), count=(int, ...))
    return made


def picking(queue: str, faulty: bool) -> None:
    from faststream import FastStream
    from faststream.rabbit import RabbitBroker, RabbitMessage, RabbitQueue

    broker, order_model = RabbitBroker(url()), model(faulty)

    async def pick(order: Any, message: RabbitMessage) -> None:
        note("began", order.id, message.raw_message)
        await asyncio.sleep(0.02)
        note("done", order.id, message.raw_message)

    pick.__annotations__ = {"order": order_model, "message": RabbitMessage, "return": None}
    broker.subscriber(RabbitQueue(queue, durable=True))(pick)
    asyncio.run(FastStream(broker).run())
