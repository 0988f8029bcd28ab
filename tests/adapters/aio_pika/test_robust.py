"""Robust connections come back, and what they restore is followed once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aio_pika
import pytest
from support.spans import ids, parent

from .conftest import Broker, run, send

if TYPE_CHECKING:
    from brokers.rabbitmq import RabbitMQ
    from support.recorder import Recorder


RESTART = 100.0  # seconds that it may take until all is well again


async def restart(rabbitmq: RabbitMQ) -> None:
    for step in (rabbitmq.kill, rabbitmq.start):
        await asyncio.get_running_loop().run_in_executor(None, step)


@pytest.mark.parametrize("way", ["callback", "loop"])
def test_consumers_restored_are_followed_once(private_rabbitmq: RabbitMQ, recorder: Recorder, way: str) -> None:
    name = private_rabbitmq.queue()
    seen: list[bytes] = []

    async def main() -> None:
        url = f"{Broker(private_rabbitmq).url}&reconnect_interval=0.2&fail_fast=0"
        async with await aio_pika.connect_robust(url) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(name, durable=True)
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
            news.clear()
            await restart(private_rabbitmq)
            await channel.ready()  # before, it may lose what is published
            await send(queue, b"after")
            await news.wait()
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    run(main(), RESTART)
    assert seen == [b"before", b"after"]
    before, after = recorder.processes(2)
    assert [parent(before), parent(after)] == [ids(span) for span in recorder.sends(2)]
    assert [parent(span) for span in recorder.settles(2)] == [ids(before), ids(after)]
