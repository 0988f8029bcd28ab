"""aio-pika: `publish` with confirms, `queue.get`, each message acknowledged."""

from __future__ import annotations

import asyncio
from time import time_ns
from typing import TYPE_CHECKING

from . import VALUE

if TYPE_CHECKING:
    from .floor import Floor


class Application:
    """Its clients live in a loop of their own."""

    def __init__(self, address: str, destination: str, floor: Floor | None) -> None:
        self.address, self.destination, self.floor = address, destination, floor
        self.loop = asyncio.new_event_loop()
        self.loop.run_until_complete(self._connect())

    async def _connect(self) -> None:
        import aio_pika

        self.message = aio_pika.Message
        connection = await aio_pika.connect(f"amqp://guest:guest@{self.address}/?heartbeat=0")
        publishing, self.consuming = await connection.channel(), await connection.channel()
        self.exchange = publishing.default_exchange
        self.queue = await self.consuming.declare_queue(self.destination, auto_delete=True)

    def send(self, count: int) -> None:
        self.loop.run_until_complete(self._send(count))

    async def _send(self, count: int) -> None:
        for _ in range(count):
            if self.floor is None:
                await self.exchange.publish(self.message(VALUE), self.destination)
                continue
            sent, carrier, token = self.floor.sending()
            await self.exchange.publish(self.message(VALUE, headers=dict(carrier)), self.destination)
            self.floor.called(token)
            self.floor.sent(sent)

    def receive(self, count: int) -> None:
        self.loop.run_until_complete(self._receive(count))

    async def _receive(self, count: int) -> None:
        for _ in range(count):
            start = time_ns()
            message = await self.queue.get()
            if self.floor is None:
                await message.ack()
                continue
            self.floor.pulled(start)
            tag = {"messaging.rabbitmq.message.delivery_tag": message.delivery_tag}
            turn = self.floor.begin(message.headers, 0, tag)
            settling = self.floor.settling(tag)
            await message.ack()
            self.floor.settled(settling)
            self.floor.end(turn)
