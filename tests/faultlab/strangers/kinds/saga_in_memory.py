"""An orchestrator is deployed in the middle of its sagas: it has forgotten them, and refuses replies; or it has not."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import publish, url, work

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from faultlab.strangers.books import Books

LIBRARIES = ("aio-pika",)
COUNT = 24


def play(books: Books, library: str, faulty: bool) -> None:
    commands, replies = books.queue(), books.queue()
    file = "" if faulty else str(books.file.with_suffix(".db"))
    with books.running("hotel", hotel, library, commands, replies) as inn:
        with books.running("booking", booking, commands, replies, file, COUNT) as before:
            books.wait("done", 8, "booking")
            books.stop(before)
        with books.running("booking", booking, commands, replies, file, 0) as after:
            books.stage.finish(inn)
            books.wait("began", COUNT, "booking")
            time.sleep(1)
            books.stop(after)
    books.close_queue(replies)


class Table:
    """Sagas that outlive the process, in a table."""

    def __init__(self, file: str) -> None:
        self.database = sqlite3.connect(file, isolation_level=None)
        self.database.execute("create table if not exists sagas (id text primary key, state text)")

    def __setitem__(self, saga: str, state: str) -> None:
        self.database.execute("insert or replace into sagas values (?, ?)", (saga, state))

    def __getitem__(self, saga: str) -> str:
        row = self.database.execute("select state from sagas where id = ?", (saga,)).fetchone()
        if row is None:
            raise KeyError(saga)
        return str(row[0])


class Orchestrator:
    """Moves each saga on when a reply comes."""

    def __init__(self, channel: Any, commands: str, sagas: MutableMapping[str, str] | Table) -> None:
        self.channel, self.commands, self.sagas = channel, commands, sagas

    async def begin(self, saga: str) -> None:
        import aio_pika

        self.sagas[saga] = "booking"
        note("sent", f"book-{saga}", to=self.commands)
        body = json.dumps({"id": f"book-{saga}", "saga": saga}).encode()
        await self.channel.default_exchange.publish(aio_pika.Message(body, correlation_id=saga), self.commands)

    async def on_reply(self, message: Any) -> None:
        async with message.process():
            reply = json.loads(message.body)
            note("began", reply["id"], message)
            try:
                assert self.sagas[reply["saga"]] == "booking"
            except KeyError:
                note("failed", reply["id"], message)
                raise
            self.sagas[reply["saga"]] = "booked" if reply["room"] else "sold out"
            note("done", reply["id"], message)


def booking(commands: str, replies: str, file: str, number: int) -> None:
    async def main() -> None:
        import aio_pika

        stopping = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=1)
            orchestrator = Orchestrator(channel, commands, Table(file) if file else {})
            for saga in range(number):
                await orchestrator.begin(f"trip-{saga}")
            queue = await channel.get_queue(replies)
            tag = await queue.consume(orchestrator.on_reply)
            await stopping.wait()
            await queue.cancel(tag)

    asyncio.run(main())


def hotel(library: str, commands: str, replies: str) -> None:
    def book(command: dict[str, Any], message: Any) -> str:
        note("began", command["id"], message)
        time.sleep(0.15)
        room = not command["saga"].endswith("3")
        note("done", command["id"], message)
        publish(library, replies, [{"id": f"re-{command['id']}", "saga": command["saga"], "room": room}])
        return "ack"

    work(library, commands, book, idle=10)
