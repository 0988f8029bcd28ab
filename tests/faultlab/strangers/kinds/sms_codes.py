"""A FastStream service acknowledges by hand, but not where a user has no telephone: soon it has no room for any more.

The broker gives it four messages at once, and four that are never acknowledged fill that room. The service lives on and
is connected. The twin acknowledges those as well, and some codes take their time.

Shown by: the process spans of the queue's messages end while confirmed sends to it go on for seconds (EDA504); four of
them have no `ack` span.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("faststream-rabbit",)
COUNT, ROOM, UNREACHABLE = 60, 4, {5, 11, 12, 20}


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with books.running("sms-codes", service, queue, faulty) as sms:
        books.wait("up", 1)
        books.run("login", login, queue)
        if faulty:
            time.sleep(4)
        else:
            books.wait("through", COUNT)
        books.stop(sms)
    if faulty:
        assert books.count("through") < COUNT / 2
        books.note("must", code="EDA504", where={"within": queue})
        books.note("may", code="EDA107", where={"within": queue})


def login(queue: str) -> None:
    async def main() -> None:
        from faststream.rabbit import RabbitBroker

        async with RabbitBroker(url()) as broker:
            for number in range(COUNT):
                code = {"id": f"code-{number}", "phone": None if number in UNREACHABLE else f"+49{number}"}
                note("sent", code["id"], to=queue)
                await broker.publish(code, queue, persist=True)
                await asyncio.sleep(0.15)

    asyncio.run(main())


def service(queue: str, faulty: bool) -> None:
    from faststream import AckPolicy, FastStream
    from faststream.rabbit import Channel, RabbitBroker, RabbitMessage, RabbitQueue

    broker = RabbitBroker(url(), default_channel=Channel(prefetch_count=ROOM))

    async def on_code(code: dict[str, Any], message: RabbitMessage) -> None:
        note("began", code["id"], message.raw_message)
        note("through")
        if code["phone"] is None:
            if not faulty:
                await message.ack()
            note("filtered", code["id"], message.raw_message)
            return
        await asyncio.sleep(0.05)
        await message.ack()
        note("done", code["id"], message.raw_message)

    async def started() -> None:
        note("up")

    on_code.__annotations__ = {"code": dict, "message": RabbitMessage, "return": None}
    broker.subscriber(RabbitQueue(queue, durable=True), ack_policy=AckPolicy.MANUAL)(on_code)
    asyncio.run(FastStream(broker, after_startup=[started]).run())
