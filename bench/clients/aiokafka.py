"""aiokafka: `send` and its future, `async for message in consumer`."""

from __future__ import annotations

import asyncio
import os
from functools import cached_property, partial
from time import time_ns
from typing import TYPE_CHECKING, Any

from . import VALUE
from .floor import position

if TYPE_CHECKING:
    from .floor import Floor, Sent

PATIENT = 120_000  # milliseconds


class Application:
    """Its clients live in a loop of their own."""

    def __init__(self, address: str, destination: str, floor: Floor | None) -> None:
        self.address, self.destination, self.floor = address, destination, floor
        self.loop = asyncio.new_event_loop()

    @cached_property
    def producer(self) -> Any:
        return self.loop.run_until_complete(self._producer())

    async def _producer(self) -> Any:
        import aiokafka

        producer = aiokafka.AIOKafkaProducer(client_id="shop", bootstrap_servers=self.address)
        await producer.start()
        return producer

    @cached_property
    def consumer(self) -> Any:
        return self.loop.run_until_complete(self._consumer())

    async def _consumer(self) -> Any:
        import aiokafka

        group: Any = {"client_id": "bill", "group_id": f"billing-{os.getpid()}", "auto_offset_reset": "earliest"}
        group["session_timeout_ms"] = PATIENT  # it sends no heartbeats while others have their turn
        consumer = aiokafka.AIOKafkaConsumer(self.destination, bootstrap_servers=self.address, **group)
        await consumer.start()
        return consumer

    def send(self, count: int) -> None:
        assert self.producer  # made outside of the loop that it runs in
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
        assert self.consumer
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
