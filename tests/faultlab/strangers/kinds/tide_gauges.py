"""A FastStream service is told by its settings which partitions to read: a new one is missing there; or it is empty.

Somebody gave the topic a fourth partition for a new harbour, and forgot the reader's settings. The twin's settings have
three of four as well, but nobody has sent anything to the fourth yet.

Shown by: the send spans have partitions. No poll, process span or commit has the fourth, and no member is assigned it,
while the others are read (EDA107).
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka", "confluent-kafka")
GROUP, SETTING, ROUNDS = "flood-warning", "GAUGE_PARTITIONS", 30
HARBOURS = ("cuxhaven", "husum", "emden", "stralsund")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(len(HARBOURS))
    read = 3 * ROUNDS
    with books.running("flood-warning", warning, library, topic, environ={SETTING: "0,1,2"}) as service:
        books.wait("up", 1)
        books.run("gauges", gauges, library, topic, HARBOURS if faulty else HARBOURS[:3])
        books.wait("done", read)
        time.sleep(2)
        books.stop(service)
    assert books.count("done") == read
    books.close_topic(topic, GROUP)
    if faulty:
        where = {"destination": topic, "partition": "3"}
        books.note("must", code="EDA107", where=where)
        books.note("may", code="EDA504", where=where)  # nor does anybody get on there


def gauges(library: str, topic: str, harbours: list[str]) -> None:
    events = [{"id": f"{name}-{n}", "harbour": name, "level": 500 + n} for n in range(ROUNDS) for name in harbours]
    (by_aiokafka if library == "aiokafka" else by_confluent)(topic, events)


def by_aiokafka(topic: str, events: list[dict[str, Any]]) -> None:
    async def main() -> None:
        from aiokafka import AIOKafkaProducer

        async with AIOKafkaProducer(bootstrap_servers=kafka()) as producer:
            for event in events:
                note("sent", event["id"], to=topic)
                partition = HARBOURS.index(event["harbour"])
                await producer.send_and_wait(topic, json.dumps(event).encode(), partition=partition)

    asyncio.run(main())


def by_confluent(topic: str, events: list[dict[str, Any]]) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka()})
    for event in events:
        note("sent", event["id"], to=topic)
        producer.produce(topic, json.dumps(event), partition=HARBOURS.index(event["harbour"]))
        producer.poll(0.01)
    producer.flush(30)


class Levels:
    """The last level of each harbour."""

    def __init__(self) -> None:
        self.last: dict[str, int] = {}

    async def keep(self, reading: dict[str, Any], record: Any) -> None:
        note("began", reading["id"], record, group=GROUP)
        self.last[reading["harbour"]] = reading["level"]
        note("done", reading["id"], record, group=GROUP)


def warning(library: str, topic: str) -> None:
    from faststream import FastStream

    if library == "aiokafka":
        from faststream.kafka import KafkaBroker, KafkaMessage, TopicPartition
    else:
        from faststream.confluent import (  # type: ignore[assignment]
            KafkaBroker,
            KafkaMessage,
            TopicPartition,
        )
    broker, levels = KafkaBroker(kafka()), Levels()
    mine = [TopicPartition(topic, int(number)) for number in os.environ[SETTING].split(",")]

    async def on_reading(reading: dict[str, Any], message: KafkaMessage) -> None:
        await levels.keep(reading, message.raw_message)

    async def started() -> None:
        note("up")

    on_reading.__annotations__ = {"reading": dict, "message": KafkaMessage, "return": None}
    broker.subscriber(partitions=mine, group_id=GROUP, auto_offset_reset="earliest", auto_commit_interval_ms=300)(
        on_reading
    )
    asyncio.run(FastStream(broker, after_startup=[started]).run())
