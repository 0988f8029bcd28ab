"""A nightly job hands its rows to the producer and returns; its twin flushes first."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka", "aiokafka")
GROUP = "search-index"
ROWS = 40


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(2)
    books.run("catalogue-export", export_first, library, topic)
    books.run("catalogue-export", export, library, topic, faulty)
    books.run("search", index, library, topic)
    books.close_topic(topic, GROUP)


def rows(first: int) -> list[dict[str, Any]]:
    return [{"id": f"sku-{first + n}", "title": f"thing {n}"} for n in range(ROWS)]


def export_first(library: str, topic: str) -> None:
    _export(library, topic, 0, False)


def export(library: str, topic: str, hasty: bool) -> None:
    _export(library, topic, ROWS, hasty)


def _export(library: str, topic: str, first: int, hasty: bool) -> None:
    {"confluent-kafka": by_confluent, "aiokafka": by_aiokafka}[library](topic, rows(first), hasty)


def by_confluent(topic: str, batch: list[dict[str, Any]], hasty: bool) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka(), "linger.ms": 2000, "compression.type": "gzip"})
    for row in batch:
        note("sent", row["id"], to=topic)
        producer.produce(topic, value=json.dumps(row).encode(), key=row["id"])
    if not hasty:
        producer.flush()


def by_aiokafka(topic: str, batch: list[dict[str, Any]], hasty: bool) -> None:
    async def main() -> None:
        from aiokafka import AIOKafkaProducer

        producer = AIOKafkaProducer(bootstrap_servers=kafka(), linger_ms=2000)
        await producer.start()
        for row in batch:
            note("sent", row["id"], to=topic)
            await producer.send(topic, json.dumps(row).encode(), key=row["id"].encode())
        if not hasty:
            await producer.stop()

    asyncio.run(main())


def index(library: str, topic: str) -> None:
    def put(event: dict[str, Any], message: Any) -> None:
        note("began", event["id"], message, group=GROUP)
        note("done", event["id"], message, group=GROUP)

    work(library, topic, GROUP, put)
