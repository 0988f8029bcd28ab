"""A topic gets more partitions while its reader runs: the reader begins a new one at its end, or at its beginning."""

from __future__ import annotations

import asyncio
import json
import time
from itertools import count
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, kafka_python, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "aiokafka")
GROUP = "alerts"
REFRESH = 12_000  # milliseconds; five minutes by default


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    with books.running("alerts", alerts, library, topic, "latest" if faulty else "earliest") as service:
        books.wait("assigned", 1)
        with books.running("meters", meters, library, topic) as gateway:
            books.wait("done", 20)
            enlarge(books.stage.kafka, topic, 3)
            books.wait("assigned", 2)
            books.wait("sent", books.count("sent") + 40)
            books.stop(gateway)
        books.wait("idle", 1)
        books.stop(service)
    books.close_topic(topic, GROUP)


def enlarge(address: str, topic: str, partitions: int) -> None:
    """Give a topic more partitions, as somebody on call does by hand."""
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.cimpl import NewPartitions

    client = AdminClient({"bootstrap.servers": address})
    client.create_partitions([NewPartitions(topic, partitions)])[topic].result(10)


def meters(library: str, topic: str) -> None:
    asyncio.run(by_aiokafka(topic)) if library == "aiokafka" else by_kafka_python(topic)


def reading(number: int) -> dict[str, Any]:
    return {"id": f"reading-{number}", "volts": 230 + number % 7}


def by_kafka_python(topic: str) -> None:
    from kafka import KafkaProducer

    stop, producer = Stop(), KafkaProducer(bootstrap_servers=kafka(), metadata_max_age_ms=1000)
    for number in count():
        if stop.asked:
            break
        note("sent", reading(number)["id"], to=topic)
        producer.send(topic, json.dumps(reading(number)).encode()).get(10)
        time.sleep(0.1)
    producer.close()


async def by_aiokafka(topic: str) -> None:
    from aiokafka import AIOKafkaProducer

    stop = Stop()
    async with AIOKafkaProducer(bootstrap_servers=kafka(), metadata_max_age_ms=1000) as producer:
        for number in count():
            if stop.asked:
                break
            note("sent", reading(number)["id"], to=topic)
            await producer.send_and_wait(topic, json.dumps(reading(number)).encode())
            await asyncio.sleep(0.1)


class Watch:
    """Tells the log which partitions there are, and when nothing has come for a while."""

    def __init__(self) -> None:
        self.partitions = 0
        self.empty = 0

    def turn(self, assigned: int, found: bool) -> None:
        if assigned != self.partitions:
            self.partitions = assigned
            note("assigned", number=assigned)
        self.empty = 0 if found else self.empty + 1
        if self.empty == 10 and self.partitions > 1:
            note("idle")


def check(message: Any) -> None:
    measured = value(message)
    note("began", measured["id"], message, group=GROUP)
    assert measured["volts"] > 200
    note("done", measured["id"], message, group=GROUP)


def alerts(library: str, topic: str, reset: str) -> None:
    asyncio.run(with_aiokafka(topic, reset)) if library == "aiokafka" else with_kafka_python(topic, reset)


def with_kafka_python(topic: str, reset: str) -> None:
    stop, watch = Stop(), Watch()
    consumer = kafka_python(topic, GROUP, auto_offset_reset=reset, metadata_max_age_ms=REFRESH)
    while not stop.asked:
        found = consumer.poll(timeout_ms=300)
        for messages in found.values():
            for message in messages:
                check(message)
        if found:
            consumer.commit()
        watch.turn(len(consumer.assignment()), bool(found))
    consumer.close()


async def with_aiokafka(topic: str, reset: str) -> None:
    from aiokafka import AIOKafkaConsumer

    stop, watch = Stop(), Watch()
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=kafka(),
        group_id=GROUP,
        auto_offset_reset=reset,
        enable_auto_commit=False,
        metadata_max_age_ms=REFRESH,
    )
    async with consumer:
        while not stop.asked:
            found = await consumer.getmany(timeout_ms=300)
            for messages in found.values():
                for message in messages:
                    check(message)
            if found:
                await consumer.commit()
            watch.turn(len(consumer.assignment()), bool(found))
