"""kafka-python: `send` with a callback, `for message in consumer`."""

from __future__ import annotations

from time import time_ns
from typing import TYPE_CHECKING, Any

from . import VALUE
from .floor import position

if TYPE_CHECKING:
    from .floor import Floor, Sent


class Application:
    def __init__(self, address: str, destination: str, floor: Floor | None) -> None:
        from kafka import KafkaConsumer, KafkaProducer

        self.destination, self.floor = destination, floor
        self.producer = KafkaProducer(bootstrap_servers=address, client_id="shop", linger_ms=5)
        self.consumer = KafkaConsumer(
            destination, bootstrap_servers=address, client_id="bill", group_id=destination, auto_offset_reset="earliest"
        )

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
