"""Calls by a queue: a server dies when it has charged, and another one charges again; or a caller gives up."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import uuid
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import KILLED
from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aio-pika",)
CALLS = 20


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with books.running("checkout", checkout, queue) as caller:
        if faulty:
            books.run("cards", cards, queue, 8, status=KILLED)
        with books.running("cards", cards, queue, 0) as server:
            books.stage.finish(caller)
            books.stop(server)
    books.close_queue(queue)


def checkout(queue: str) -> None:
    async def main() -> None:
        import aio_pika

        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            answers = await channel.declare_queue(exclusive=True)
            waiting: dict[str, asyncio.Future[bytes]] = {}

            async def on_answer(message: Any) -> None:
                async with message.process():
                    future = waiting.pop(message.correlation_id, None)
                    if future is not None:
                        future.set_result(message.body)

            await answers.consume(on_answer)
            for number in range(CALLS):
                call = {"id": f"charge-{number}", "slow": number in {7, 15}}
                name = str(uuid.uuid4())
                waiting[name] = asyncio.get_running_loop().create_future()
                note("sent", call["id"], to=queue)
                message = aio_pika.Message(json.dumps(call).encode(), correlation_id=name, reply_to=answers.name)
                await channel.default_exchange.publish(message, queue)
                try:
                    await asyncio.wait_for(waiting[name], 0.4 if call["slow"] else 20)
                except asyncio.TimeoutError:
                    waiting.pop(name)  # the answer will come, and nobody cares
            await asyncio.sleep(1)

    asyncio.run(main())


def cards(queue: str, dies_at: int) -> None:
    async def main() -> None:
        import aio_pika

        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=1)
            count = 0

            async def on_call(message: Any) -> None:
                nonlocal count
                count += 1
                call = json.loads(message.body)
                note("began", call["id"], message)
                await asyncio.sleep(0.6 if call["slow"] else 0.01)
                note("done", call["id"], message)
                if count == dies_at:
                    await asyncio.sleep(1.5)  # it has been charged; the answer waits for a lock
                    os.kill(os.getpid(), signal.SIGKILL)
                answer = aio_pika.Message(b"ok", correlation_id=message.correlation_id)
                await channel.default_exchange.publish(answer, message.reply_to)
                await message.ack()

            source = await channel.get_queue(queue)
            await source.consume(on_call)
            await stop.wait()

    asyncio.run(main())
