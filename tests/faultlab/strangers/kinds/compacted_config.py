"""Settings in a compacted topic: some are sent without a key, which it refuses; its twin removes some by tombstones."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka",)
log = logging.getLogger("settings")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1, **{"cleanup.policy": "compact", "segment.ms": "1000", "min.cleanable.dirty.ratio": "0.01"})
    books.run("settings", settings, topic, faulty, 0)
    for instance in range(2):
        books.run("gateway", gateway, topic, instance)
    books.run("settings", settings, topic, faulty, 1)
    books.run("gateway", gateway, topic, 2)
    books.close_topic(topic)


def changes(turn: int, faulty: bool) -> list[tuple[str | None, dict[str, Any] | None]]:
    """Give names and values; a tenant's own settings have one, those of everybody had none in the old code."""
    every: list[tuple[str | None, dict[str, Any] | None]] = []
    for number in range(30):
        name = f"tenant-{number % 10}"
        if faulty and number % 6 == 4:
            every.append((None, {"id": f"all-{turn}-{number}", "limit": number}))
        elif not faulty and number % 10 == 9:
            every.append((name, None))
        else:
            every.append((name, {"id": f"{name}-{turn}-{number}", "limit": number}))
    return every


def settings(topic: str, faulty: bool, turn: int) -> None:
    async def main() -> None:
        from aiokafka import AIOKafkaProducer
        from aiokafka.errors import KafkaError

        async with AIOKafkaProducer(bootstrap_servers=kafka(), acks="all") as producer:
            for name, change in changes(turn, faulty):
                event = change["id"] if change else name
                key, value = name.encode() if name else None, json.dumps(change).encode() if change else None
                note("sent", event, to=topic)
                try:
                    sent = await producer.send_and_wait(topic, value, key)
                except KafkaError as error:
                    note("refused", event, to=topic)
                    log.error("setting %s not written: %r", event, error)
                else:
                    note("acked", event, sent)

    asyncio.run(main())


def gateway(topic: str, instance: int) -> None:
    async def main() -> None:
        from aiokafka import AIOKafkaConsumer

        limits: dict[str, Any] = {}
        async with AIOKafkaConsumer(
            topic, bootstrap_servers=kafka(), group_id=None, auto_offset_reset="earliest", client_id=f"gw-{instance}"
        ) as consumer:
            while batch := await consumer.getmany(timeout_ms=1500):
                for record in (one for records in batch.values() for one in records):
                    if record.value is None:
                        limits.pop(record.key.decode(), None)
                    else:
                        limits[record.key.decode()] = json.loads(record.value)["limit"]

    asyncio.run(main())
