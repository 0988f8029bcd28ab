"""A new FastStream service begins at the end of its topic, by default, and misses what there was; or at its start.

Shown by: the sends have offsets; the group is assigned the partition, its first position and its first process span are
behind them, and it commits past them. Nobody ever received them (EDA104, a SUSPECT, as a group may be meant to begin
at the end).
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers import diary
from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka", "confluent-kafka")
GROUP, BEFORE, AFTER = "branch-prices", 15, 25


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    with books.running("head-office", office, topic) as sender:
        books.wait("sent", BEFORE)
        with books.running("branch-prices", prices, library, topic, faulty) as service:
            books.wait("done", AFTER)
            books.stop(sender)
            (first, *_) = (line["at"]["offset"] for line in diary.read(books.file) if line["what"] == "began")
            books.wait("done", books.count("sent") - first)
            books.stop(service)
    if not faulty:
        books.close_topic(topic, GROUP)
        return
    assert first >= BEFORE
    books.close_topic(topic)
    for offset in range(first):
        where = {"destination": topic, "partition": "0", "offset": offset}
        books.note("must", code="EDA104", least="SUSPECT", where={**where, "group": GROUP})
        books.note("may", code="EDA107", where=where)


def office(topic: str) -> None:
    """Send a price now and then, by confluent-kafka, whatever the branches use."""
    from confluent_kafka import Producer

    stop, producer, number = Stop(), Producer({"bootstrap.servers": kafka()}), 0
    while not stop.asked:
        note("sent", f"price-{number}", to=topic)
        producer.produce(topic, json.dumps({"id": f"price-{number}", "cents": 100 + number}))
        producer.flush(30)
        number += 1
        time.sleep(0.2)


def prices(library: str, topic: str, faulty: bool) -> None:
    from faststream import FastStream

    if library == "aiokafka":
        from faststream.kafka import KafkaBroker, KafkaMessage
    else:
        from faststream.confluent import KafkaBroker, KafkaMessage  # type: ignore[assignment]
    broker, known = KafkaBroker(kafka()), {}

    async def on_price(price: dict[str, Any], message: KafkaMessage) -> None:
        note("began", price["id"], message.raw_message, group=GROUP)
        known[price["id"]] = price["cents"]
        note("done", price["id"], message.raw_message, group=GROUP)

    on_price.__annotations__ = {"price": dict, "message": KafkaMessage, "return": None}
    more: dict[str, Any] = {} if faulty else {"auto_offset_reset": "earliest"}
    broker.subscriber(topic, group_id=GROUP, auto_commit_interval_ms=200, **more)(on_price)
    asyncio.run(FastStream(broker).run())
