"""aiokafka: `send` and its future, `async for message in consumer`."""

from __future__ import annotations

import asyncio
from functools import partial
from time import time_ns
from typing import TYPE_CHECKING, Any

from . import VALUE
from .floor import position

if TYPE_CHECKING:
    from .floor import Floor, Sent


class Application:
    """Its clients live in a loop of their own."""

    def __init__(self, address: str, destination: str, floor: Floor | None) -> None:
        self.destination, self.floor = destination, floor
        self.loop = asyncio.new_event_loop()
        self.loop.run_until_complete(self._connect(address))

    async def _connect(self, address: str) -> None:
        import aiokafka

        at: Any = {"bootstrap_servers": address}
        group: Any = {"client_id": "bill", "group_id": self.destination, "auto_offset_reset": "earliest"}
        self.producer = aiokafka.AIOKafkaProducer(client_id="shop", **at)
        self.consumer = aiokafka.AIOKafkaConsumer(self.destination, **at, **group)
        await self.producer.start()
        await self.consumer.start()

    def send(self, count: int) -> None:
        self.loop.run_until_complete(self._send(count))

    async def _send(self, count: int) -> None:
        one = partial(self.producer.send, self.destination, VALUE) if self.floor is None else self._by_hand
        await asyncio.gather(*[await one() for _ in range(count)])

    async def _by_hand(self) -> Any:
        floor = self.floor
        assert floor is not None
        sent, carrier, token = floor.sending()
        headers = [(name, value.encode()) for name, value in carrier.items()]
        future = await self.producer.send(self.destination, VALUE, headers=headers)
        floor.called(token)
        future.add_done_callback(partial(self._answered, floor, sent))
        return future

    @staticmethod
    def _answered(floor: Floor, sent: Sent, future: Any) -> None:
        answer = future.result()
        floor.sent(sent, position(answer.partition, answer.offset, answer.timestamp))

    def receive(self, count: int) -> None:
        self.loop.run_until_complete(self._receive(count))

    async def _receive(self, count: int) -> None:
        start = time_ns()
        async for message in self.consumer:
            if self.floor is not None:
                self.floor.pulled(start)
                carrier = {name: value.decode() for name, value in message.headers}
                place = position(message.partition, message.offset, message.timestamp)
                self.floor.end(self.floor.begin(carrier, message.timestamp / 1e3, place))
                start = time_ns()
            count -= 1
            if not count:
                break
