"""confluent-kafka: `produce` with a delivery report, `poll` for one message."""

from __future__ import annotations

import os
from functools import cached_property, partial
from time import time_ns
from typing import TYPE_CHECKING, Any

from . import VALUE
from .floor import position

if TYPE_CHECKING:
    from .floor import Floor, Sent


class Application:
    def __init__(self, address: str, destination: str, floor: Floor | None) -> None:
        self.address, self.destination, self.floor = address, destination, floor

    @cached_property
    def producer(self) -> Any:
        import confluent_kafka

        return confluent_kafka.Producer({"bootstrap.servers": self.address, "client.id": "shop"})

    @cached_property
    def consumer(self) -> Any:
        import confluent_kafka

        group = {"client.id": "bill", "group.id": f"billing-{os.getpid()}", "auto.offset.reset": "earliest"}
        consumer = confluent_kafka.Consumer({"bootstrap.servers": self.address, **group})
        consumer.subscribe([self.destination])
        return consumer

    def send(self, count: int) -> None:
        for _ in range(count):
            if self.floor is None:
                self.producer.produce(self.destination, VALUE)
            else:
                self._by_hand(self.floor)
            self.producer.poll(0)
        self.producer.flush()

    def _by_hand(self, floor: Floor) -> None:
        sent, carrier, token = floor.sending()
        headers: Any = list(carrier.items())
        answered = partial(self._answered, floor, sent)
        self.producer.produce(self.destination, VALUE, headers=headers, on_delivery=answered)
        floor.called(token)

    @staticmethod
    def _answered(floor: Floor, sent: Sent, _: Any, message: Any) -> None:
        floor.sent(sent, position(message.partition(), message.offset(), message.timestamp()[1]))

    def receive(self, count: int) -> None:
        while count:
            start = time_ns()
            message = self.consumer.poll(1)
            if message is None:
                continue
            if self.floor is not None:
                self._process(self.floor, message, start)
            count -= 1

    @staticmethod
    def _process(floor: Floor, message: Any, start: int) -> None:
        floor.pulled(start)
        carrier = {name: value.decode() for name, value in message.headers() or ()}
        stamp = message.timestamp()[1]
        floor.end(floor.begin(carrier, stamp / 1e3, position(message.partition(), message.offset(), stamp)))
