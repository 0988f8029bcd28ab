"""A game server drops the futures of its sends: replays of long matches are too large for the topic, and are refused.

Its twin drops them, too, but compresses, so that all replays fit. Shown by: the send spans of the long replays end with
an error (EDA101).
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers import diary
from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "aiokafka")
GROUP, COUNT, LONG = "highlights", 24, {5, 14, 22}


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1, **{"max.message.bytes": "4000"})
    with books.serving("highlights", highlights, topic):
        books.run("match", {"kafka-python": by_kafka_python, "aiokafka": by_aiokafka}[library], topic, not faulty)
        books.wait("done", COUNT - len(LONG) if faulty else COUNT)
        time.sleep(2)
    books.close_topic(topic, GROUP)
    lines = diary.read(books.file)
    stored = {line["event"] for line in lines if line["what"] == "stored"}
    refused = [f"match-{n}" for n in range(COUNT) if f"match-{n}" not in stored]
    assert len(refused) >= len(LONG) if faulty else not refused
    for event in refused:
        books.note("refused", event=event, who="match", to=topic)


def replays() -> list[bytes]:
    matches = ({"id": f"match-{n}", "moves": "left " * (2500 if n in LONG else 20)} for n in range(COUNT))
    return [json.dumps(match).encode() for match in matches]


def by_kafka_python(topic: str, small: bool) -> None:
    from kafka import KafkaProducer

    producer = KafkaProducer(
        bootstrap_servers=kafka(), enable_idempotence=False, compression_type="gzip" if small else None
    )
    for number, replay in enumerate(replays()):
        note("sent", f"match-{number}", to=topic)
        producer.send(topic, replay)
        time.sleep(0.1)  # the next match
    producer.close()


def by_aiokafka(topic: str, small: bool) -> None:
    async def main() -> None:
        from aiokafka import AIOKafkaProducer

        producer = AIOKafkaProducer(bootstrap_servers=kafka(), compression_type="gzip" if small else None)
        await producer.start()
        for number, replay in enumerate(replays()):
            note("sent", f"match-{number}", to=topic)
            await producer.send(topic, replay)
            await asyncio.sleep(0.1)
        await producer.stop()

    asyncio.run(main())


def highlights(topic: str) -> None:
    from kafka import KafkaConsumer

    stop, seen = Stop(), list[Any]()
    consumer = KafkaConsumer(
        topic, bootstrap_servers=kafka(), group_id=GROUP, auto_offset_reset="earliest", enable_auto_commit=False
    )
    while not stop.asked:
        for records in consumer.poll(timeout_ms=300).values():
            for record in records:
                match = value(record)
                note("began", match["id"], record, group=GROUP)
                seen.append(match["moves"].count("left"))
                note("done", match["id"], record, group=GROUP)
            consumer.commit()
    consumer.close()
