"""Messages to a device's own queue, which goes with the device: what comes back is dropped; or put into its inbox."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import LIBRARIES, connect, publish, url, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT = 40


def play(books: Books, library: str, faulty: bool) -> None:
    inbox = books.queue()
    device = f"device-{inbox}"
    with books.running("phone", phone, library, device) as one:
        books.wait("ready", 1)
        books.run("chat", chat, library, device, inbox, faulty, 0)
        books.stage.finish(one)
    books.run("chat", chat, library, device, inbox, faulty, 100)
    books.run("phone", fetch, library, inbox)


def phone(library: str, device: str) -> None:
    {"pika": phone_by_pika, "aio-pika": phone_by_aio_pika}[library](device)


def phone_by_pika(device: str) -> None:
    connection = connect()
    channel = connection.channel()
    channel.queue_declare(device, auto_delete=True)
    note("ready")
    for method, properties, body in channel.consume(device, inactivity_timeout=4):
        if method is None:
            break
        show(json.loads(body)["id"], properties)
        channel.basic_ack(method.delivery_tag)
    channel.cancel()
    connection.close()


def phone_by_aio_pika(device: str) -> None:
    async def main() -> None:
        import aio_pika

        async with await aio_pika.connect(url()) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(device, auto_delete=True)
            note("ready")
            try:
                async with queue.iterator(timeout=4) as messages:
                    async for message in messages:
                        show(json.loads(message.body)["id"], message)
                        await message.ack()
            except asyncio.TimeoutError:
                pass

    asyncio.run(main())


def show(text: str, message: Any) -> None:
    note("began", text, message)
    note("done", text, message)


def chat(library: str, device: str, inbox: str, faulty: bool, start: int) -> None:
    names = [f"text-{start + n}" for n in range(COUNT // 2)]
    {"pika": chat_by_pika, "aio-pika": chat_by_aio_pika}[library](device, inbox, names, faulty)


def away(name: str, device: str, library: str, inbox: str, faulty: bool) -> None:
    """Drop what the device is not there for, or put it into its inbox."""
    if faulty:
        note("returned", name, to=device)
        return
    note("may", code="EDA106", most="CONFIRMED", where={"service": "chat"})  # it did come back
    publish(library, inbox, [{"id": name}])


def chat_by_pika(device: str, inbox: str, names: list[str], faulty: bool) -> None:
    from pika.exceptions import UnroutableError

    connection = connect()
    channel = connection.channel()
    channel.confirm_delivery()
    for name in names:
        try:
            channel.basic_publish("", device, json.dumps({"id": name}).encode(), mandatory=True)
        except UnroutableError:
            away(name, device, "pika", inbox, faulty)
    connection.close()


def chat_by_aio_pika(device: str, inbox: str, names: list[str], faulty: bool) -> None:
    back = []

    async def main() -> None:
        import aio_pika
        from aio_pika.exceptions import DeliveryError

        async with await aio_pika.connect(url()) as connection:
            channel = await connection.channel(on_return_raises=True)
            for name in names:
                try:
                    message = aio_pika.Message(json.dumps({"id": name}).encode())
                    await channel.default_exchange.publish(message, device, mandatory=True)
                except DeliveryError:
                    back.append(name)

    asyncio.run(main())
    for name in back:
        away(name, device, "aio-pika", inbox, faulty)


def fetch(library: str, inbox: str) -> None:
    def read(text: dict[str, Any], message: Any) -> str:
        show(text["id"], message)
        return "ack"

    work(library, inbox, read)
