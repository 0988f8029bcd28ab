"""A FastStream service gives a push service half a second: what takes longer is rejected, and no queue is there for it.

FastStream rejects what fails, which is its default on RabbitMQ, and the queue has no dead-letter exchange. The twin has
the service wait as long as it takes, so that some notices are slow.

Shown by: the process spans of such notices have a timeout as their error; each is refused without a requeue, and nobody
has it after that (EDA104).
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("faststream-rabbit",)
COUNT, SLOW, LIMIT = 36, {9, 10, 25}, 0.5


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with books.serving("push-notices", service, queue, faulty):
        books.run("chat", chat, queue)
        books.wait("done", COUNT - len(SLOW) if faulty else COUNT)
        books.wait("failed", len(SLOW) if faulty else 0)
        time.sleep(1)
    books.close_queue(queue)


def chat(queue: str) -> None:
    publish("aio-pika", queue, [{"id": f"notice-{n}", "user": f"u{n}"} for n in range(COUNT)])


class Phones:
    """The push service, which is slow for some phones."""

    async def push(self, user: str) -> None:
        await asyncio.sleep(1.5 if int(user[1:]) in SLOW else 0.02)


def service(queue: str, faulty: bool) -> None:
    from faststream import FastStream
    from faststream.rabbit import RabbitBroker, RabbitMessage, RabbitQueue

    broker, phones = RabbitBroker(url()), Phones()

    async def on_notice(notice: dict[str, Any], message: RabbitMessage) -> None:
        note("began", notice["id"], message.raw_message)
        try:
            await asyncio.wait_for(phones.push(notice["user"]), LIMIT if faulty else None)
        except asyncio.TimeoutError:
            note("failed", notice["id"], message.raw_message)
            raise
        note("done", notice["id"], message.raw_message)

    on_notice.__annotations__ = {"notice": dict, "message": RabbitMessage, "return": None}
    broker.subscriber(RabbitQueue(queue, durable=True))(on_notice)
    asyncio.run(FastStream(broker).run())
