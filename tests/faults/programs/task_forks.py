"""A task forks in its loop's body; the child has a loop and clients of its own: `… LIBRARY ADDRESS HERE THERE`."""

from __future__ import annotations

import asyncio
import atexit
import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING

import aio_pika
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from talk import PATIENCE, say

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Body = Callable[[bytes], Awaitable[object]]


class Kafka:
    def __init__(self, address: str) -> None:
        self.address = address

    async def send(self, topic: str, value: bytes) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self.address) as producer:
            await producer.send_and_wait(topic, value)

    async def read(self, topic: str, count: int, body: Body) -> None:
        reading = AIOKafkaConsumer(topic, bootstrap_servers=self.address, group_id=topic, auto_offset_reset="earliest")
        async with reading as consumer:
            async for message in consumer:
                await body(message.value)
                count -= 1
                if not count:
                    break


class RabbitMQ:
    def __init__(self, address: str) -> None:
        self.url = f"amqp://guest:guest@{address}/"

    async def send(self, queue: str, value: bytes) -> None:
        async with await aio_pika.connect(self.url) as connection:
            channel = await connection.channel()
            await channel.default_exchange.publish(aio_pika.Message(value), queue)

    async def read(self, queue: str, count: int, body: Body) -> None:
        async with await aio_pika.connect(self.url) as connection:
            channel = await connection.channel()
            async with (await channel.get_queue(queue)).iterator() as messages:
                async for message in messages:
                    async with message.process():
                        await body(message.body)
                    count -= 1
                    if not count:
                        break


BROKERS = {"aiokafka": Kafka, "aio-pika": RabbitMQ}


async def in_child(broker: Kafka | RabbitMQ, there: str) -> int:
    """Give the child's exit status."""
    pid = os.fork()
    if pid == 0:
        signal.alarm(int(PATIENCE))
        try:
            asyncio.run(child(broker, there))
            atexit._run_exitfuncs()  # all that `sys.exit` would do but for the loop on the stack: it is its parent's
            os._exit(7)
        except BaseException:
            traceback.print_exc()
        os._exit(1)
    # In a thread, so that the parent's clients stay in touch with their broker.
    _, status = await asyncio.to_thread(os.waitpid, pid, 0)
    return os.waitstatus_to_exitcode(status)


async def child(broker: Kafka | RabbitMQ, there: str) -> None:
    async def body(value: bytes) -> None:
        say(f"child reads {value!r}")

    await broker.send(there, b"of the child")
    await broker.read(there, 1, body)
    say("child is done")
    os.read(0, 1)


async def parent(broker: Kafka | RabbitMQ, here: str, there: str) -> None:
    async def body(value: bytes) -> None:
        say(f"parent reads {value!r}")
        if value == b"1":
            say(f"child ends with {await in_child(broker, there)}")
            await broker.send(here, b"2")

    await broker.send(here, b"1")
    await broker.read(here, 2, body)


def main(library: str, address: str, here: str, there: str) -> None:
    asyncio.run(parent(BROKERS[library](address), here, there))


main(*sys.argv[1:])
