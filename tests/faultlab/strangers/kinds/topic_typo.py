"""A shop has the name of one topic wrong in its settings, and nobody reads there; or the reader's release comes later.

Shown by: send spans to a destination that has no poll, no process span and no commit of any group.
"""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import confluent, finished, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka", "aiokafka")
GROUP = "fulfilment"
MORE: dict[str, Any] = {"session.timeout.ms": 20_000}
COUNT = 24
FIRST, IDLE = 40.0, 8.0  # seconds


def play(books: Books, library: str, faulty: bool) -> None:
    placed, paid = books.topic(2), books.topic(2)
    used = paid + "s" if faulty else paid
    settings = {"TOPIC_ORDER_PLACED": placed, "TOPIC_ORDER_PAID": used}
    books.run("shop", shop, library, environ=settings)
    if faulty:
        books.run("fulfilment", fulfilment, library, [placed, paid])
        books.note("unread", to=used)
        books.close_topic(used)
    else:
        books.run("fulfilment", fulfilment, library, [placed])
        books.run("fulfilment", fulfilment, library, [placed, paid])
    books.close_topic(placed, GROUP)
    books.close_topic(paid, GROUP)


def shop(library: str) -> None:
    events = [
        (os.environ[f"TOPIC_ORDER_{kind.upper()}"], {"id": f"{kind}-{n}", "order": n})
        for n in range(COUNT)
        for kind in ("placed", "paid")
    ]
    if library == "aiokafka":
        finished(ashop(events))
    else:
        produce(events)


def produce(events: list[tuple[str, dict[str, Any]]]) -> None:
    from confluent_kafka import Producer

    def delivered(error: Any, _: Any) -> None:
        if error is not None:
            raise RuntimeError(error)

    producer = Producer({"bootstrap.servers": kafka(), "client.id": "shop"})
    for topic, event in events:
        note("sent", event["id"], to=topic)
        producer.produce(topic, json.dumps(event), key=str(event["order"]), on_delivery=delivered)
        producer.poll(0)
    producer.flush(60)


async def ashop(events: list[tuple[str, dict[str, Any]]]) -> None:
    from aiokafka import AIOKafkaProducer

    async with AIOKafkaProducer(bootstrap_servers=kafka(), client_id="shop", linger_ms=10) as producer:
        waiting = []
        for topic, event in events:
            note("sent", event["id"], to=topic)
            waiting.append(await producer.send(topic, json.dumps(event).encode(), str(event["order"]).encode()))
        await asyncio.gather(*waiting)


def fulfilment(library: str, topics: list[str]) -> None:
    if library == "aiokafka":
        asyncio.run(afulfilment(topics))
        return
    consumer, patience = confluent(topics[0], GROUP, **MORE), FIRST
    consumer.subscribe(topics)
    while (message := consumer.poll(patience)) is not None:
        if message.error() is None:
            patience = IDLE
            pack(message)
            consumer.commit(message, asynchronous=False)
    consumer.close()


async def afulfilment(topics: list[str]) -> None:
    from aiokafka import AIOKafkaConsumer

    consumer = AIOKafkaConsumer(
        *topics, bootstrap_servers=kafka(), group_id=GROUP, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    patience = FIRST
    try:
        while True:
            message = await asyncio.wait_for(consumer.getone(), patience)
            patience = IDLE
            pack(message)
            await consumer.commit()
    except asyncio.TimeoutError:
        pass
    finally:
        await consumer.stop()


def pack(message: Any) -> None:
    name = value(message)["id"]
    note("began", name, message, group=GROUP)
    note("done", name, message, group=GROUP)
