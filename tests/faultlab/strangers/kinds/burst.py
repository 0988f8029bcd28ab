"""An import sends more than its span queue holds, which somebody made small; its twin samples one trace in ten."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import batches, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka",)
GROUP = "prices"
SMALL = {"OTEL_BSP_MAX_QUEUE_SIZE": "64", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "64", "OTEL_BSP_SCHEDULE_DELAY": "5000"}
TENTH = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.1"}


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(3)
    books.run("price-import", imports, topic, environ=SMALL if faulty else TENTH)
    books.run("prices", prices, library, topic, environ={} if faulty else TENTH)
    books.close_topic(topic, GROUP)
    if faulty:
        books.note("must", code="EDA703", where={"service": "price-import"})
        books.note("may", code="EDA703", where={"service": "prices"})  # whose spans lack their parents
    else:
        for service in ("price-import", "prices"):
            books.note("may", code="EDA703", where={"service": service})


def imports(topic: str) -> None:
    async def main() -> None:
        from aiokafka import AIOKafkaProducer

        async with AIOKafkaProducer(bootstrap_servers=kafka()) as producer:
            for first in range(0, 2000, 100):
                rows = [{"id": f"row-{first + n}", "cents": n} for n in range(100)]
                for row in rows:
                    note("sent", row["id"], to=topic)
                sent = [
                    await producer.send(topic, json.dumps(row).encode(), str(row["cents"]).encode()) for row in rows
                ]
                await asyncio.gather(*sent)

    asyncio.run(main())


def prices(library: str, topic: str) -> None:
    def write(batch: list[Any]) -> None:
        for message in batch:
            row = value(message)
            note("began", row["id"], message, group=GROUP)
            note("done", row["id"], message, group=GROUP, whole=True)

    batches(library, topic, GROUP, write, 300)
