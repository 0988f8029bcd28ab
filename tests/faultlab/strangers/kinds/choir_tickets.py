"""A box office without telemetry sends some sales twice, after a timeout of its own; the twin's only look the same.

Each sale has an id in the header `ce_id`. The reader of the faulty one books both. In the twin a visitor buys the same
seats once more, which is another sale with another id.

Shown by: the process spans of two offsets have one `messaging.message.id` and one key (EDA201, LIKELY).
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka", "aiokafka")
GROUP, COUNT, LATE = "choir-ledger", 36, {5, 13, 14, 28}
SPACE = uuid.UUID("2f5f3a0e-3c57-4a43-9c1e-9c0d4ef1a002")
DARK = {"OTEL_SDK_DISABLED": "true"}


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(2)
    books.run("box-office", box_office, topic, faulty, environ=DARK)
    books.run("choir-ledger", ledger, library, topic)
    books.close_topic(topic, GROUP)
    assert books.count("booked") == COUNT + len(LATE)
    books.note("may", code="EDA501", where={"destination": topic})  # the ledger begins later
    books.note("may", code="EDA701", where={"destination": topic})  # no message has a context
    if faulty:
        books.note("must", code="EDA201", where={"destination": topic})


def box_office(topic: str, faulty: bool) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka(), "acks": "all"})
    for number in range(COUNT):
        for turn in range(2 if number in LATE else 1):
            name = f"sale-{number}" if faulty or not turn else f"sale-{number}-more"
            note("handed", name)
            body = json.dumps({"id": name, "seats": 2}).encode()
            header: Any = [("ce_id", str(uuid.uuid5(SPACE, name)).encode()), ("ce_type", b"sale")]
            producer.produce(topic, body, key=f"visitor-{number}", headers=header)
            producer.flush(30)


def ledger(library: str, topic: str) -> None:
    def book(sale: dict[str, Any], message: Any) -> None:
        note("began", sale["id"], message, group=GROUP)
        note("booked", sale["id"])
        note("done", sale["id"], message, group=GROUP)

    work(library, topic, GROUP, book)
