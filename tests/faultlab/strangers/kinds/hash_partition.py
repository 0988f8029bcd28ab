"""A tracker picks partitions by Python's hash, which is another one in each process; its twin takes a checksum."""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from faultlab.strangers import diary
from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python",)
GROUP = "sessions"
PARTITIONS = 5


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(PARTITIONS)
    for deploy in range(3):
        books.run("tracker", tracker, topic, faulty, deploy)
    books.run("sessions", sessions, library, topic)
    books.close_topic(topic, GROUP)
    if moved(diary.read(books.file)):
        books.note("must", code="EDA303", where={"destination": topic})


def moved(lines: list[dict[str, Any]]) -> bool:
    partitions = defaultdict(set)
    for line in lines:
        if line["what"] == "stored":
            partitions[line["key"]].add(line["at"]["partition"])
    return any(len(ones) > 1 for ones in partitions.values())


def tracker(topic: str, faulty: bool, deploy: int) -> None:
    from kafka import KafkaProducer

    producer = KafkaProducer(
        bootstrap_servers=kafka(),
        key_serializer=str.encode,
        value_serializer=lambda value: json.dumps(value).encode(),
        linger_ms=20,
    )
    for number in range(40):
        session = f"session-{number % 10}"
        slot = hash(session) if faulty else zlib.crc32(session.encode())
        event = {"id": f"view-{deploy}-{number}", "session": session, "path": f"/p/{number}"}
        note("sent", event["id"], to=topic)
        producer.send(topic, event, key=session, partition=slot % PARTITIONS)
    producer.flush()
    producer.close()


def sessions(library: str, topic: str) -> None:
    views: dict[str, list[str]] = defaultdict(list)

    def add(view: dict[str, Any], message: Any) -> None:
        note("began", view["id"], message, group=GROUP)
        views[view["session"]].append(view["path"])
        note("done", view["id"], message, group=GROUP)

    work(library, topic, GROUP, add)
