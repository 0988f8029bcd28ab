"""Robust connections come back, and what they restore is followed once."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import aio_pika
import pytest
from support.spans import ids, parent

from .conftest import Broker, run, send

if TYPE_CHECKING:
    from brokers.rabbitmq import RabbitMQ
    from support.recorder import Recorder


async def restart(rabbitmq: RabbitMQ) -> None:
    for step in (rabbitmq.kill, rabbitmq.start):
        await asyncio.get_running_loop().run_in_executor(None, step)


async def eventually_send(queue: Any, body: bytes) -> None:
    # A robust channel may lose what is published while it comes back, and says so.
    sent = False
    while not sent:
        with suppress(Exception):
            await asyncio.wait_for(send(queue, body), 2)
            sent = True
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("way", ["callback", "loop"])
def test_consumers_restored_are_followed_once(private_rabbitmq: RabbitMQ, recorder: Recorder, way: str) -> None:
    name = private_rabbitmq.queue()
    seen: list[bytes] = []

    async def main() -> None:
        url = f"{Broker(private_rabbitmq).url}&reconnect_interval=0.2&fail_fast=0"
        async with await aio_pika.connect_robust(url) as connection:
            queue = await (await connection.channel()).declare_queue(name, durable=True)
            news = asyncio.Event()

            async def callback(message: Any) -> None:
                seen.append(message.body)
                await message.ack()
                news.set()

            async def loop() -> None:
                async for message in queue:
                    await callback(message)

            task = asyncio.ensure_future(loop()) if way == "loop" else None
            if task is None:
                await queue.consume(callback)
            await send(queue, b"before")
            await news.wait()
            await queue.declare()  # an acknowledgement has no answer, but what follows it on its channel has
            await asyncio.sleep(0.2)  # the broker writes it down a little later
            news.clear()
            await restart(private_rabbitmq)
            await eventually_send(queue, b"after")
            await news.wait()
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    run(main())
    assert seen == [b"before", b"after"]
    sent = [ids(span) for span in recorder.sends(len(recorder.ours()) - 4)]
    before, after = recorder.processes(2)
    assert parent(before) == sent[0]
    assert parent(after) == sent[-1]
    assert [parent(span) for span in recorder.settles(2)] == [ids(before), ids(after)]
