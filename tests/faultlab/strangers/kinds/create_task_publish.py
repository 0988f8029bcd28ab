"""A web service publishes in tasks for which nobody waits, and is stopped; its twin waits for them before it ends.

What shows it: the send spans of what was on its way at the end are cancelled without the broker's answer; their
`error.type` is `eda.unresolved`. Nobody knows whether the broker has these messages.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import url, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aio-pika",)
COUNT, BURST = 30, 12


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    books.run("sign-up", sign_up, queue, faulty)
    books.run("welcome", welcome, library, queue)
    books.close_queue(queue)
    confirmed, begun = books.count("confirmed"), books.count("publishing")
    if faulty:
        assert confirmed < begun, "everything was confirmed"
        books.note("must", code="EDA102", where={"service": "sign-up", "within": queue})
    else:
        assert confirmed == begun == COUNT + BURST


def sign_up(queue: str, faulty: bool) -> None:
    async def main() -> None:
        import aio_pika

        connection = await aio_pika.connect_robust(url())
        channel = await connection.channel()
        background: set[asyncio.Task[None]] = set()

        async def publish(name: str) -> None:
            note("publishing", name, to=queue)
            message = aio_pika.Message(json.dumps({"id": name}).encode(), delivery_mode=2)
            await channel.default_exchange.publish(message, routing_key=queue)
            note("confirmed", name, to=queue)

        async def on_request(number: int) -> None:
            task = asyncio.create_task(publish(f"user-{number}"))
            background.add(task)
            task.add_done_callback(background.discard)
            await asyncio.sleep(0)  # the answer is sent

        for number in range(COUNT):
            await on_request(number)
            await asyncio.sleep(0.02)
        for number in range(BURST):
            await on_request(COUNT + number)
        if not faulty:
            await asyncio.wait(background, timeout=60)
            await connection.close()

    asyncio.run(main())


def welcome(library: str, queue: str) -> None:
    def greet(user: dict[str, Any], message: Any) -> str:
        note("began", user["id"], message)
        note("done", user["id"], message)
        return "ack"

    work(library, queue, greet, idle=8)
