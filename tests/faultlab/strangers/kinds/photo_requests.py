"""A FastStream service answers requests by direct reply-to and raises at a new format: its callers wait in vain.

The twin answers with an error. What shows it: the process span of such a request has the error, and FastStream rejects
the message, which has a span too; the queue has no dead-letter exchange that anybody knows of.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aio-pika",)
FORMATS = ("jpeg", "png", "jpeg", "jpeg", "heic", "png", "jpeg")
COUNT, PATIENCE = 28, 15.0
log = logging.getLogger("gallery")


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with books.serving("thumbnails", thumbnails, queue, faulty):
        books.run("gallery", gallery, queue)
    heic = COUNT // len(FORMATS)
    assert books.count("placeholder") == (heic if faulty else 0)
    assert books.count("sorry") == (0 if faulty else heic)
    books.close_queue(queue)


def gallery(queue: str) -> None:
    async def main() -> None:
        from faststream.rabbit import RabbitBroker

        async with RabbitBroker(url()) as broker:
            await asyncio.gather(*(show(broker, queue, number) for number in range(COUNT)))

    asyncio.run(main())


async def show(broker: Any, queue: str, number: int) -> None:
    name = f"photo-{number}"
    note("sent", name, to=queue)
    request = {"id": name, "format": FORMATS[number % len(FORMATS)]}
    try:
        answer = await (await broker.request(request, queue, timeout=PATIENCE)).decode()
    except (asyncio.TimeoutError, TimeoutError):
        log.warning("no thumbnail of %s in time", name)
        note("placeholder", name)
        return
    note("shown" if answer["ok"] else "sorry", name)


def thumbnails(queue: str, faulty: bool) -> None:
    from faststream import FastStream
    from faststream.rabbit import RabbitBroker, RabbitMessage, RabbitQueue

    broker = RabbitBroker(url())

    async def on_request(photo: dict[str, Any], message: RabbitMessage) -> dict[str, Any]:
        note("began", photo["id"], message.raw_message)
        await asyncio.sleep(0.01)
        if photo["format"] == "heic":
            if faulty:
                note("failed", photo["id"], message.raw_message)
                raise ValueError(f"no decoder for {photo['format']}")
            note("done", photo["id"], message.raw_message)
            return {"ok": False, "why": "no decoder"}
        note("done", photo["id"], message.raw_message)
        return {"ok": True, "pixels": 128 * 128}

    on_request.__annotations__ = {"photo": dict, "message": RabbitMessage, "return": dict}
    broker.subscriber(RabbitQueue(queue, durable=True))(on_request)
    asyncio.run(FastStream(broker).run())
