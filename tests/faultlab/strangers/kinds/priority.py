"""A queue with priorities: bulk mail starves behind a flood of alerts; in the twin the alerts are few."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers import diary
from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from faultlab.strangers.books import Books

LIBRARIES = ("aio-pika",)


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue(max_priority=5)
    with books.running("mail-gateway", gateway, queue) as consumer:
        time.sleep(3)
        books.run("marketing", marketing, queue, faulty)
        books.wait("done", 640 if faulty else 160)
        books.stop(consumer)
    books.close_queue(queue)
    for place in waited(diary.read(books.file)) if faulty else ():
        books.note("must", code="EDA501", where=place)


def waited(lines: list[dict[str, Any]]) -> Iterator[dict[str, str]]:
    """Give the messages that waited for two seconds or more."""
    sent = {line["event"]: line["time"] for line in lines if line["what"] == "sent"}
    for line in lines:
        if line["what"] == "began" and line["time"] - sent[line["event"]] > 2:
            yield line["at"]


def marketing(queue: str, faulty: bool) -> None:
    async def main() -> None:
        import aio_pika

        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()

            async def send(name: str, priority: int) -> None:
                note("sent", name, to=queue)
                message = aio_pika.Message(json.dumps({"id": name}).encode(), priority=priority)
                await channel.default_exchange.publish(message, queue)

            for number in range(120):
                await send(f"mail-{number}", 0)
                await asyncio.sleep(0.02)
            for number in range(500 if faulty else 20):
                await send(f"alert-{number}", 5)
                if number < 20:
                    await send(f"late-{number}", 0)

    asyncio.run(main())


def gateway(queue: str) -> None:
    import signal

    async def main() -> None:
        import aio_pika

        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=1)
            source = await channel.get_queue(queue)
            await source.consume(on_mail)
            await stop.wait()

    async def on_mail(message: Any) -> None:
        mail = json.loads(message.body)
        note("began", mail["id"], message)
        await asyncio.sleep(0.008)
        note("done", mail["id"], message)
        await message.ack()

    asyncio.run(main())
