"""A bridge from RabbitMQ to Kafka acknowledges by tens, and is killed: some events are there twice; or each once.

The events have ids in a header, which are on the send spans and on those of who reads the topic (EDA201). The bridge's
process spans of the first time have ended and been exported, and RabbitMQ marks what it delivers again (EDA202).
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from faultlab.strangers import diary
from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import work
from faultlab.strangers.rabbit_house import connect, publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("pika", "aio-pika")
CLIENTS = {"pika": "confluent-kafka", "aio-pika": "aiokafka"}
GROUP, COUNT, EVERY, HUGE = "analytics", 40, 10, 27
MEMORY = "BRIDGE_MEMORY"


def play(books: Books, library: str, faulty: bool) -> None:
    queue, topic = books.queue(), books.topic(1)
    bridge = by_pika if library == "pika" else by_aio_pika
    books.run("site", site, library, queue)
    with books.running("clickstream-bridge", bridge, queue, topic, faulty) as first:
        books.wait("swapping", 1)
        time.sleep(1.5)
        books.kill("clickstream-bridge", first)
    books.run("clickstream-bridge", bridge, queue, topic, faulty, environ={MEMORY: "2g"})
    books.run("analytics", analytics, CLIENTS[library], topic)
    books.close_topic(topic, GROUP)
    books.close_queue(queue)
    stored = Counter(line["event"] for line in diary.read(books.file) if line["what"] == "stored")
    assert len(stored) == COUNT
    assert (max(stored.values()) > 1) is faulty, stored
    if faulty:
        books.note("must", code="EDA201", where={"within": topic})


def site(library: str, queue: str) -> None:
    publish(library, queue, [{"id": f"click-{n}", "page": f"/{n % 7}"} for n in range(COUNT)])


def analytics(client: str, topic: str) -> None:
    def add(click: dict[str, Any], message: Any) -> None:
        note("began", click["id"], message, group=GROUP)
        time.sleep(0.01)
        note("done", click["id"], message, group=GROUP)

    work(client, topic, GROUP, add)


def think(click: dict[str, Any]) -> None:
    """Look where a click has come from; one of them has a referrer that fills the memory."""
    time.sleep(0.03)
    if click["id"] == f"click-{HUGE}" and MEMORY not in os.environ:
        note("swapping", click["id"])
        time.sleep(60)


def by_pika(queue: str, topic: str, faulty: bool) -> None:
    from confluent_kafka import Producer

    producer, connection = Producer({"bootstrap.servers": kafka(), "linger.ms": 5}), connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=20)
    last, count, every = 0, 0, EVERY if faulty else 1
    for method, properties, body in channel.consume(queue, inactivity_timeout=4):
        if method is None:
            break
        click = json.loads(body)
        note("began", click["id"], properties)
        think(click)
        producer.produce(topic, body, click["id"], headers={"event-id": click["id"]})
        producer.flush()
        note("done", click["id"], properties)
        last, count = method.delivery_tag, count + 1
        if count % every == 0:
            channel.basic_ack(last, multiple=True)
    if count % every:
        channel.basic_ack(last, multiple=True)
    channel.cancel()
    connection.close()


def by_aio_pika(queue: str, topic: str, faulty: bool) -> None:
    every = EVERY if faulty else 1

    async def main() -> None:
        import aio_pika
        from aiokafka import AIOKafkaProducer

        async with (
            AIOKafkaProducer(bootstrap_servers=kafka()) as producer,
            await aio_pika.connect_robust(url()) as connection,
        ):
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=20)
            source, count, last = await channel.get_queue(queue), 0, None
            try:
                async with source.iterator(timeout=4) as messages:
                    async for message in messages:
                        click = json.loads(message.body)
                        note("began", click["id"], message)
                        think(click)
                        headers = [("event-id", click["id"].encode())]
                        await producer.send_and_wait(topic, message.body, click["id"].encode(), headers=headers)
                        note("done", click["id"], message)
                        last, count = message, count + 1
                        if count % every == 0:
                            await message.ack(multiple=True)
            except asyncio.TimeoutError:
                pass
            if last is not None and count % every:
                await last.ack(multiple=True)

    asyncio.run(main())
