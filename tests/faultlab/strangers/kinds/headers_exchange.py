"""A binding by headers wants a number and gets a text: what nobody takes is returned; or goes to another exchange."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import url, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aio-pika",)
log = logging.getLogger("intake")


def play(books: Books, library: str, faulty: bool) -> None:
    queue, rest = books.queue(), books.queue()
    books.run("intake", intake, queue, rest, faulty)
    books.run("triage", triage, library, queue)
    if not faulty:
        books.run("triage-rest", triage, library, rest)
    books.close_queue(queue)
    books.close_queue(rest)


def intake(queue: str, rest: str, faulty: bool) -> None:
    async def main() -> None:
        import aio_pika

        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel(on_return_raises=False)
            channel.return_callbacks.add(returned)
            other = await channel.declare_exchange(f"rest-of-{queue}", aio_pika.ExchangeType.FANOUT)
            await (await channel.get_queue(rest)).bind(other)
            arguments = None if faulty else {"alternate-exchange": other.name}
            cases = await channel.declare_exchange(f"cases-{queue}", aio_pika.ExchangeType.HEADERS, arguments=arguments)
            source = await channel.get_queue(queue)
            await source.bind(cases, arguments={"x-match": "all", "region": "eu", "level": 2})
            for number in range(30):
                case = {"id": f"case-{number}", "text": "…"}
                headers: dict[str, Any] = {"region": "eu", "level": "2" if number % 5 == 0 else 2}
                message = aio_pika.Message(json.dumps(case).encode(), headers=headers, message_id=case["id"])
                note("sent", case["id"], to=cases.name)
                await cases.publish(message, "", mandatory=True)
            await asyncio.sleep(0.3)

    asyncio.run(main())


def returned(_: Any, message: Any) -> None:
    note("returned", message.message_id)
    log.warning("nobody takes %s", message.message_id)


def triage(library: str, queue: str) -> None:
    def sort(case: dict[str, Any], message: Any) -> str:
        note("began", case["id"], message)
        note("done", case["id"], message)
        return "ack"

    work(library, queue, sort)
