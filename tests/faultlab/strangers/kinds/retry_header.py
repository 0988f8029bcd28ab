"""A base class sends what fails to the queue's end, and counts in a header that it does not find again; or does."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aio-pika",)
COUNT, ROUNDS = 20, 16


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    books.run("booking", booking, library, queue)
    with books.running("hotel-sync", hotel_sync, queue, faulty) as one:
        books.wait("done", COUNT - 1 if faulty else COUNT)
        books.wait("again", ROUNDS if faulty else 2)
        books.stop(one)
    if faulty:
        for code in ("EDA402", "EDA403"):
            books.note("may", code=code, most="LIKELY", where={"service": "hotel-sync"})


def booking(library: str, queue: str) -> None:
    publish(library, queue, [{"id": f"room-{n}", "hotel": "ritz" if n == 8 else "inn"} for n in range(COUNT)])


class Consumer:
    """What all services inherit: messages are tried again up to five times."""

    LIMIT = 5
    HEADER = "x-attempt"

    def __init__(self, queue: str) -> None:
        self.queue = queue

    async def run(self) -> None:
        import aio_pika

        stopping = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        async with await aio_pika.connect_robust(url()) as connection:
            self.channel = await connection.channel()
            await self.channel.set_qos(prefetch_count=4)
            source = await self.channel.get_queue(self.queue)
            tag = await source.consume(self.on_message)
            await stopping.wait()
            await source.cancel(tag)

    async def on_message(self, message: Any) -> None:
        async with message.process():
            try:
                await self.handle(json.loads(message.body), message)
            except Exception:
                await self.again(message)

    def attempt(self, message: Any) -> int:
        return int(message.headers.get(self.HEADER, 0))

    async def again(self, message: Any) -> None:
        import aio_pika

        attempt = self.attempt(message) + 1
        if attempt >= self.LIMIT:
            raise RuntimeError(f"given up after {attempt} attempts")
        await asyncio.sleep(0.05 * attempt)
        copy = aio_pika.Message(message.body, headers={**message.headers, Consumer.HEADER: attempt})
        await self.channel.default_exchange.publish(copy, self.queue)

    async def handle(self, event: dict[str, Any], message: Any) -> None:
        raise NotImplementedError


class HotelSync(Consumer):
    """Tells hotels of bookings."""

    def __init__(self, queue: str, answers_at: int) -> None:
        super().__init__(queue)
        self.answers_at, self.calls = answers_at, 0

    async def handle(self, event: dict[str, Any], message: Any) -> None:
        note("began", event["id"], message)
        await asyncio.sleep(0.02)
        if event["hotel"] == "ritz":
            self.calls += 1
            if self.calls < self.answers_at:
                note("again", event["id"], message)
                if self.calls == ROUNDS - 1:
                    trace = message.headers["traceparent"].split("-")[1]
                    note("must", code="EDA404", where={"trace_id": trace})
                raise ConnectionError("ritz.example does not answer")
        note("done", event["id"], message)


class OldHotelSync(HotelSync):
    """The service's own name for the header, from the time before there was a base class."""

    HEADER = "x-attempts"


def hotel_sync(queue: str, faulty: bool) -> None:
    asyncio.run(OldHotelSync(queue, 10**6).run() if faulty else HotelSync(queue, 3).run())
