"""A pricing service loads a compacted topic at each start, without a group; it dies of a tombstone, or knows it."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import publish, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "aiokafka")
GROUP = "pricing"


def play(books: Books, library: str, faulty: bool) -> None:
    rates, orders = books.topic(1, **{"cleanup.policy": "compact"}), books.topic(1)
    books.run("rates", rate, rates)
    books.run("shop", shop, library, orders, 0, 15)
    for turn in range(3 if faulty else 2):
        books.run("pricing", price, library, rates, orders, faulty, status=1 if faulty else 0)
        books.run("shop", shop, library, orders, 15 * turn + 15, 15 * turn + 30)
    if faulty:
        books.note("archive", to=orders)  # nobody reads them yet
    else:
        books.run("pricing", price, library, rates, orders, faulty)
    books.close_topic(rates)
    books.close_topic(orders, GROUP)


def rate(topic: str) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka()})
    for number in range(24):
        money = "DEM" if number == 20 else f"CUR{number % 8}"
        note("sent", money, to=topic)
        producer.produce(topic, None if number == 20 else json.dumps({"id": money, "rate": 1 + number}), key=money)
    producer.flush(30)


def shop(library: str, topic: str, first: int, last: int) -> None:
    publish(library, topic, [{"id": f"order-{n}", "money": "CUR1"} for n in range(first, last)])


class Table(dict[str, Any]):
    """Rates by currency."""

    def put(self, record: Any, faulty: bool) -> None:
        money = record.key.decode()
        note("began", money, record)
        if record.value is None and not faulty:
            self.pop(money, None)
            note("retired", money, record)
            return
        try:
            self[money] = json.loads(record.value)["rate"]
        except TypeError:
            note("failed", money, record)
            raise
        note("done", money, record, meant=True)


def price(library: str, rates: str, orders: str, faulty: bool) -> None:
    table, load = Table(), {"kafka-python": by_kafka_python, "aiokafka": by_aiokafka}[library]
    if faulty:
        load(table, rates, faulty)
    else:  # as it takes long, in a thread, behind a splash screen
        loading = threading.Thread(target=load, args=(table, rates, faulty))
        loading.start()
        loading.join()

    def handle(order: dict[str, Any], message: Any) -> None:
        note("began", order["id"], message, group=GROUP)
        assert table[order["money"]]
        note("done", order["id"], message, group=GROUP)

    work(library, orders, GROUP, handle)


def by_kafka_python(table: Table, topic: str, faulty: bool) -> None:
    from kafka import KafkaConsumer, TopicPartition

    reader, place = KafkaConsumer(bootstrap_servers=kafka(), group_id=None), TopicPartition(topic, 0)
    reader.assign([place])
    reader.seek_to_beginning(place)
    end = reader.end_offsets([place])[place]
    while reader.position(place) < end:
        for records in reader.poll(timeout_ms=300).values():
            for record in records:
                table.put(record, faulty)
    reader.close()


def by_aiokafka(table: Table, topic: str, faulty: bool) -> None:
    async def main() -> None:
        from aiokafka import AIOKafkaConsumer, TopicPartition

        place = TopicPartition(topic, 0)
        async with AIOKafkaConsumer(bootstrap_servers=kafka(), group_id=None) as reader:
            reader.assign([place])
            await reader.seek_to_beginning(place)
            end = (await reader.end_offsets([place]))[place]
            while await reader.position(place) < end:
                for records in (await reader.getmany(timeout_ms=300)).values():
                    for record in records:
                        table.put(record, faulty)

    asyncio.run(main())
