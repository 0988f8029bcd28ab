"""pika: `basic_publish`, and `basic_consume` with a callback that acknowledges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import VALUE

if TYPE_CHECKING:
    from .floor import Floor


class Application:
    def __init__(self, address: str, destination: str, floor: Floor | None) -> None:
        import pika

        self.destination, self.floor, self.waiting = destination, floor, 0
        self.properties = pika.BasicProperties
        host, _, port = address.partition(":")
        parameters = pika.ConnectionParameters(host, int(port))
        self.publishing, self.consuming = (pika.BlockingConnection(parameters).channel() for _ in range(2))
        self.consuming.queue_declare(destination, auto_delete=True)
        self.consuming.basic_qos(prefetch_count=100)
        self.consuming.basic_consume(destination, self._called)

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
