"""A ledger books what was written in an aborted transaction, as its client does by default; its twin does not."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers import diary
from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import IDLE, aio, kafka_python, publish, value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka", "kafka-python")
SPLITTER, LEDGER = "splitter", "ledger"
log = logging.getLogger("splitter")


def play(books: Books, library: str, faulty: bool) -> None:
    carts, lines = books.topic(1), books.topic(1)
    isolation = "read_uncommitted" if faulty else "read_committed"
    asynchronous = library == "aiokafka"
    books.run("checkout", checkout, library, carts)
    books.run("splitter", split_by_aiokafka if asynchronous else split_by_kafka_python, carts, lines)
    books.run("ledger", book_by_aiokafka if asynchronous else book_by_kafka_python, lines, isolation)
    books.close_topic(carts, SPLITTER)
    books.close_topic(lines, LEDGER)
    for event in twice(diary.read(books.file)):
        books.note("must", code="EDA201", where={"destination": lines}, of=event)


def twice(lines: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Give the first event that the ledger has booked twice."""
    booked = [line["event"] for line in lines if line["what"] == "done" and line.get("group") == LEDGER]
    yield from [event for event in booked if booked.count(event) > 1][:1]


def checkout(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"cart-{n}", "items": ["tea", "milk"]} for n in range(30)])


class Prices:
    """Asks for prices, by a connection that is reset once."""

    def __init__(self) -> None:
        self.asked = 0

    def of(self, item: str) -> int:
        self.asked += 1
        time.sleep(0.02)
        if self.asked == 28:
            raise ConnectionResetError("prices.internal")
        return {"tea": 400, "milk": 120}[item]


def lines_of(cart: dict[str, Any], prices: Prices) -> Iterator[tuple[str, bytes]]:
    """Give the lines of a cart, one by one, as they get their prices."""
    for item in cart["items"]:
        line = {"id": f"{cart['id']}/{item}", "cents": prices.of(item)}
        yield cart["id"], json.dumps(line).encode()


def split_by_aiokafka(carts: str, lines: str) -> None:
    async def main() -> None:
        from aiokafka import AIOKafkaProducer

        prices, empty = Prices(), 0
        producer = AIOKafkaProducer(bootstrap_servers=kafka(), transactional_id=f"splitter-{carts}")
        async with producer, aio(carts, SPLITTER) as consumer:
            while empty < 8:
                found = await consumer.getmany(timeout_ms=500, max_records=5)
                empty = 0 if found else empty + 1
                for partition, batch in found.items():
                    try:
                        await split(producer, lines, prices, partition, batch)
                    except ConnectionError:
                        log.warning("transaction aborted, it is done again")
                        consumer.seek(partition, batch[0].offset)

    asyncio.run(main())


async def split(producer: Any, lines: str, prices: Prices, partition: Any, batch: list[Any]) -> None:
    async with producer.transaction():
        for message in batch:
            note("began", value(message)["id"], message, group=SPLITTER)
            for key, line in lines_of(value(message), prices):
                await producer.send(lines, line, key.encode())
        await producer.send_offsets_to_transaction({partition: batch[-1].offset + 1}, SPLITTER)
    for message in batch:
        note("done", value(message)["id"], message, group=SPLITTER)


def split_by_kafka_python(carts: str, lines: str) -> None:
    from kafka import KafkaProducer
    from kafka.structs import OffsetAndMetadata

    prices, empty = Prices(), 0
    producer = KafkaProducer(bootstrap_servers=kafka(), transactional_id=f"splitter-{carts}")
    producer.init_transactions()
    consumer = kafka_python(carts, SPLITTER)
    while empty < 8:
        found = consumer.poll(timeout_ms=500, max_records=5)
        empty = 0 if found else empty + 1
        for partition, batch in found.items():
            producer.begin_transaction()
            try:
                for message in batch:
                    note("began", value(message)["id"], message, group=SPLITTER)
                    for key, line in lines_of(value(message), prices):
                        producer.send(lines, line, key.encode())
                offsets = {partition: OffsetAndMetadata(batch[-1].offset + 1, "", -1)}
                producer.flush()
                producer.send_offsets_to_transaction(offsets, SPLITTER)
                producer.commit_transaction()
            except ConnectionError:
                log.warning("transaction aborted, it is done again")
                producer.abort_transaction()
                consumer.seek(partition, batch[0].offset)
                continue
            for message in batch:
                note("done", value(message)["id"], message, group=SPLITTER)
    consumer.close()
    producer.close()


def book(message: Any) -> None:
    line = value(message)
    note("began", line["id"], message, group=LEDGER)
    note("done", line["id"], message, group=LEDGER)


def book_by_aiokafka(topic: str, isolation: str) -> None:
    async def main() -> None:
        async with aio(topic, LEDGER, isolation_level=isolation) as consumer:
            while True:
                try:
                    book(await asyncio.wait_for(consumer.getone(), IDLE))
                except asyncio.TimeoutError:
                    break
                await consumer.commit()

    asyncio.run(main())


def book_by_kafka_python(topic: str, isolation: str) -> None:
    consumer = kafka_python(topic, LEDGER, isolation_level=isolation)
    for message in consumer:
        book(message)
        consumer.commit()
    consumer.close()
