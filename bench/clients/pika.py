"""pika: `basic_publish`, and `basic_consume` with a callback that acknowledges."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from . import VALUE

if TYPE_CHECKING:
    from .floor import Floor


class Application:
    def __init__(self, address: str, destination: str, floor: Floor | None) -> None:
        import pika

        self.address, self.destination, self.floor, self.waiting = address, destination, floor, 0
        self.properties = pika.BasicProperties

    @cached_property
    def publishing(self) -> Any:
        return self._channel()

    @cached_property
    def consuming(self) -> Any:
        channel = self._channel()
        channel.basic_qos(prefetch_count=100)
        channel.basic_consume(self.destination, self._called)
        return channel

    def _channel(self) -> Any:
        import pika

        host, _, port = self.address.partition(":")
        channel = pika.BlockingConnection(pika.ConnectionParameters(host, int(port), heartbeat=0)).channel()
        channel.queue_declare(self.destination, auto_delete=True)
        return channel

    def send(self, count: int) -> None:
        for _ in range(count):
            if self.floor is None:
                self.publishing.basic_publish("", self.destination, VALUE)
            else:
                self._by_hand(self.floor)

    def _by_hand(self, floor: Floor) -> None:
        sent, carrier, token = floor.sending()
        self.publishing.basic_publish("", self.destination, VALUE, self.properties(headers=dict(carrier)))
        floor.called(token)
        floor.sent(sent)

    def receive(self, count: int) -> None:
        self.waiting += count
        while self.waiting > 0:
            self.consuming.connection.process_data_events(1)

    def _called(self, channel: Any, method: Any, properties: Any, _: bytes) -> None:
        self.waiting -= 1
        if self.floor is None:
            channel.basic_ack(method.delivery_tag)
            return
        tag = {"messaging.rabbitmq.message.delivery_tag": method.delivery_tag}
        turn = self.floor.begin(properties.headers or {}, 0, tag)
        settling = self.floor.settling(tag)
        channel.basic_ack(method.delivery_tag)
        self.floor.settled(settling)
        self.floor.end(turn)
