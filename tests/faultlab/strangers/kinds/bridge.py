"""A bridge from Kafka to RabbitMQ is killed, and forwards some again: they are driven twice; or their ids are known."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers import rabbit_house
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, aio, confluent, publish, value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka", "aiokafka")
CLIENTS = {"confluent-kafka": "pika", "aiokafka": "aio-pika"}
GROUP, COUNT, EVERY = "dispatch-bridge", 40, 20


def play(books: Books, library: str, faulty: bool) -> None:
    topic, queue = books.topic(1), books.queue()
    books.run("checkout", checkout, library, topic)
    with books.running("dispatch-bridge", bridge, library, topic, queue, faulty) as first:
        books.wait("done", 27, "dispatch-bridge")
        books.kill("dispatch-bridge", first)
    books.run("dispatch-bridge", bridge, library, topic, queue, faulty)
    books.run("driver-app", drive, library, queue, str(books.file.with_suffix(".db")), faulty)
    books.close_topic(topic, GROUP)
    books.close_queue(queue)
    # It is so in the twin, too, only that it hurts nobody.
    books.note("may", code="EDA201", most="CONFIRMED", where={"within": queue})


def checkout(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"delivery-{n}", "street": f"{n} High Street"} for n in range(COUNT)])


class Bridge:
    """Publishes what comes, confirmed by the broker, and says when it is time for a commit."""

    def __init__(self, client: str, queue: str, meant: bool) -> None:
        self.client, self.queue, self.meant = client, queue, meant
        self.count = 0

    def forward(self, message: Any) -> bool:
        event = value(message)
        note("began", event["id"], message, group=GROUP)
        rabbit_house.publish(self.client, self.queue, [event], message_id=event["id"])
        time.sleep(0.1)
        note("done", event["id"], message, group=GROUP, meant=self.meant)
        self.count += 1
        return self.count % EVERY == 0


def bridge(library: str, topic: str, queue: str, faulty: bool) -> None:
    made = Bridge(CLIENTS[library], queue, not faulty)
    {"confluent-kafka": by_confluent, "aiokafka": by_aiokafka}[library](topic, made.forward)


def by_confluent(topic: str, forward: Callable[[Any], bool]) -> None:
    stop, consumer = Stop(), confluent(topic, GROUP)
    due = None
    for message in arriving(stop, consumer):
        due = message
        if forward(message):
            consumer.commit(message, asynchronous=False)
            due = None
    if due is not None:
        consumer.commit(due, asynchronous=False)
    consumer.close()


def arriving(stop: Stop, consumer: Any) -> Iterator[Any]:
    """Give messages until none come."""
    empty = 0
    while not stop.asked and empty < 10:
        message = consumer.poll(1.0)
        empty = 0 if message else empty + 1
        if message is not None and not message.error():
            yield message


def by_aiokafka(topic: str, forward: Callable[[Any], bool]) -> None:
    import asyncio

    async def main() -> None:
        async with aio(topic, GROUP) as consumer:
            try:
                while True:
                    if forward(await asyncio.wait_for(consumer.getone(), 10)):
                        await consumer.commit()
            except asyncio.TimeoutError:
                await consumer.commit()

    asyncio.run(main())


def drive(library: str, queue: str, file: str, faulty: bool) -> None:
    database = sqlite3.connect(file)
    database.execute("create table tours (id text, street text)")
    if not faulty:
        database.execute("create unique index once on tours (id)")

    def add(delivery: dict[str, Any], message: Any) -> str:
        note("began", delivery["id"], message)
        with database:
            statement = "insert into tours values (:id, :street) on conflict do nothing"
            row = database.execute(statement, delivery)
        note("done" if row.rowcount else "filtered", delivery["id"], message)
        return "ack"

    rabbit_house.work(CLIENTS[library], queue, add)
