"""kafka-python: `send` with a callback, `for message in consumer`."""

from __future__ import annotations

import os
from functools import cached_property
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
        from kafka import KafkaProducer

        return KafkaProducer(bootstrap_servers=self.address, client_id="shop", linger_ms=5)

    @cached_property
    def consumer(self) -> Any:
        from kafka import KafkaConsumer

        group = {"client_id": "bill", "group_id": f"billing-{os.getpid()}", "auto_offset_reset": "earliest"}
        return KafkaConsumer(self.destination, bootstrap_servers=self.address, **group)

    def send(self, count: int) -> None:
        for _ in range(count):
            if self.floor is None:
                self.producer.send(self.destination, VALUE)
            else:
                self._by_hand(self.floor)
        self.producer.flush()

    def _by_hand(self, floor: Floor) -> None:
        sent, carrier, token = floor.sending()
        headers = [(name, value.encode()) for name, value in carrier.items()]
        future = self.producer.send(self.destination, VALUE, headers=headers)
        floor.called(token)
        future.add_callback(self._answered, floor, sent)

    @staticmethod
    def _answered(floor: Floor, sent: Sent, answer: Any) -> None:
        floor.sent(sent, position(answer.partition, answer.offset, answer.timestamp))

    def receive(self, count: int) -> None:
        start = time_ns()
        for message in self.consumer:
            if self.floor is not None:
                self.floor.pulled(start)
                carrier = {name: value.decode() for name, value in message.headers}
                place = position(message.partition, message.offset, message.timestamp)
                self.floor.end(self.floor.begin(carrier, message.timestamp / 1e3, place))
                start = time_ns()
            count -= 1
            if not count:
                break
