"""A till with a new locale writes dates that the reader's deserialiser dies of, again and again; or that it knows."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import publish

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python",)
GROUP = "revenue"


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    books.run("till", till, library, topic)
    for _ in range(4):
        books.run("revenue", revenue, topic, faulty, status=1 if faulty else 0)
    books.close_topic(topic, GROUP)
    if faulty:
        books.note("must", code="EDA402", least="SUSPECT", where={"destination": topic, "offset": 17})
        books.note("may", code="EDA504", where={"destination": topic, "group": GROUP})


def till(library: str, topic: str) -> None:
    sales = [
        {"id": f"sale-{n}", "at": "29.11.2026 10:15" if n == 17 else f"2026-11-29T10:{n:02}:00+01:00", "cents": n}
        for n in range(40)
    ]
    publish(library, topic, sales)


def strict(raw: bytes) -> dict[str, Any]:
    sale: dict[str, Any] = json.loads(raw)
    return {**sale, "at": datetime.fromisoformat(sale["at"])}


def lenient(raw: bytes) -> dict[str, Any]:
    try:
        return strict(raw)
    except ValueError:
        sale: dict[str, Any] = json.loads(raw)
        when = datetime.strptime(sale["at"], "%d.%m.%Y %H:%M").replace(tzinfo=timezone.utc)
        return {**sale, "at": when}


def revenue(topic: str, faulty: bool) -> None:
    from kafka import KafkaConsumer

    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=kafka(),
        group_id=GROUP,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=3000,
        heartbeat_interval_ms=500,
        max_poll_records=5,
        consumer_timeout_ms=2500,
        value_deserializer=strict if faulty else lenient,
    )
    handled = 0
    try:
        for record in consumer:
            note("began", record.value["id"], record, group=GROUP)
            note("done", record.value["id"], record, group=GROUP)
            consumer.commit()
            handled += 1
            if handled == 12 and not faulty:
                break  # it is restarted each twelve sales, for its memory
    finally:
        consumer.close()
