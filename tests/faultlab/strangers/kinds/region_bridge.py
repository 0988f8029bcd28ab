"""A bridge from Kafka to RabbitMQ logs and commits what no queue is bound for; the twin has a queue for the rest.

What shows it: the broker returns the message, so the bridge's send span has `eda.returned` and an error (EDA106). The
bridge's process span of the Kafka message has the event `eda.process.error_logged` (EDA104, a SUSPECT).
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from faultlab.strangers import kafka_house
from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import connect
from faultlab.strangers.rabbit_house import work as work_rabbit

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "confluent-kafka")
GROUP, COUNT, REGIONS = "region-bridge", 30, ("emea", "amer", "emea", "emea", "amer", "apac")
LOST = COUNT // len(REGIONS)
log = logging.getLogger("bridge")


def play(books: Books, library: str, faulty: bool) -> None:
    topic, exchange = books.topic(1), books.stage.lab.rabbitmq.exchange("topic")
    regions, rest = books.queue(), books.queue()
    books.run("setup", bind, exchange, regions)
    books.run("orders", orders, library, topic)
    books.run("region-bridge", bridge, library, topic, exchange, None if faulty else rest)
    books.run("regional", regional, regions)
    assert books.count("shipped", "regional") == COUNT - LOST
    if not faulty:
        books.run("clerk", regional, rest)
        assert books.count("shipped", "clerk") == LOST
        books.note("may", code="EDA106", most="CONFIRMED", where={"service": "region-bridge"})
    books.note("may", code="EDA107", where={"within": f"{exchange}:orders.apac"})  # nobody has that key
    books.close_topic(topic, GROUP)


def bind(exchange: str, queue: str) -> None:
    connection = connect()
    channel = connection.channel()
    channel.exchange_declare(exchange, "topic", durable=True)
    for region in ("emea", "amer"):
        channel.queue_bind(queue, exchange, f"orders.{region}")
    connection.close()


def orders(library: str, topic: str) -> None:
    events = [{"id": f"order-{n}", "region": REGIONS[n % len(REGIONS)]} for n in range(COUNT)]
    kafka_house.publish(library, topic, events)


class Bridge:
    """Publishes each order by its region."""

    def __init__(self, exchange: str, rest: str | None) -> None:
        self.exchange = exchange
        self.rest = rest
        self.connection = connect()
        self.channel = self.connection.channel()
        self.channel.confirm_delivery()

    def forward(self, order: dict[str, Any], message: Any) -> None:
        from pika.exceptions import UnroutableError

        note("began", order["id"], message, group=GROUP)
        body = json.dumps(order).encode()
        try:
            self.channel.basic_publish(self.exchange, f"orders.{order['region']}", body, mandatory=True)
        except UnroutableError:
            if self.rest is None:
                note("returned", order["id"])
                note("logged", order["id"], message, group=GROUP)
                log.exception("no queue for %s", order["region"])
                return
            self.channel.basic_publish("", self.rest, body, mandatory=True)
        note("done", order["id"], message, group=GROUP)


def bridge(library: str, topic: str, exchange: str, rest: str | None) -> None:
    one = Bridge(exchange, rest)
    kafka_house.work(library, topic, GROUP, one.forward)
    one.connection.close()


def regional(queue: str) -> None:
    def ship(order: dict[str, Any], message: Any) -> str:
        note("shipped", order["id"])
        return "ack"

    work_rabbit("pika", queue, ship, idle=10)
