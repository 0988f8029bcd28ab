"""aio-pika as most use it: `async for message in queue.iterator()`, each message acknowledged."""

from __future__ import annotations

from functools import cached_property
from time import time_ns
from typing import TYPE_CHECKING, Any

from bench.clients import aio_pika

if TYPE_CHECKING:
    from bench.clients.floor import Floor

AHEAD = 100  # messages that the broker sends before they are acknowledged


class Application(aio_pika.Application):
    """One iterator goes on from one call to the next."""

    @cached_property
    def iterator(self) -> Any:
        return self.loop.run_until_complete(self._iterator())

    async def _iterator(self) -> Any:
        await self.consuming.set_qos(prefetch_count=AHEAD)
        return self.queue.iterator()

    def receive(self, count: int) -> None:
        assert self.iterator  # made outside of the loop that it runs in
        super().receive(count)

    async def _receive(self, count: int) -> None:
        start = time_ns()
        async for message in self.iterator:
            if self.floor is None:
                await message.ack()
            else:
                await self._processed(self.floor, message, start)
                start = time_ns()
            count -= 1
            if not count:
                break

    @staticmethod
    async def _processed(floor: Floor, message: Any, start: int) -> None:
        floor.pulled(start)
        tag = {"messaging.rabbitmq.message.delivery_tag": message.delivery_tag}
        turn = floor.begin(message.headers, 0, tag)
        settling = floor.settling(tag)
        await message.ack()
        floor.settled(settling)
        floor.end(turn)
