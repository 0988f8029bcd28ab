"""A FastStream service answers by `@publisher` on a topic by its old name, which its readers have left; or by the new.

Of each parcel that comes back the desk tells what is to be refunded. The payments team reads the new topic only, and
has nothing to do. The twin's payments are started when the desk has been at work for a while.

Shown by: acknowledged sends to a topic for which no process and no poll has a span, nor a metric (EDA107).
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, kafka_python, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka", "confluent-kafka")
GROUP, PAYMENTS, COUNT = "returns-desk", "refund-payments", 30


def play(books: Books, library: str, faulty: bool) -> None:
    parcels, old, new = books.topic(1), books.topic(1), books.topic(1)
    answers = old if faulty else new
    with books.serving("returns-desk", desk, library, parcels, answers):
        books.run("warehouse", warehouse, library, parcels)
        books.wait("done", COUNT, "returns-desk")
        with books.serving("refund-payments", payments, new):
            books.wait("ready", 1)
            if faulty:
                time.sleep(4)
            else:
                books.wait("done", COUNT, "refund-payments")
    books.close_topic(parcels, GROUP)
    books.close_topic(answers, PAYMENTS)
    if faulty:
        assert books.count("done", "refund-payments") == 0
        books.note("unread", to=old)


def warehouse(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"parcel-{n}", "cents": 900 + n, "whole": n % 4 > 0} for n in range(COUNT)])


def _app(library: str) -> tuple[Any, Any]:
    """Give the broker, and the class of its messages."""
    if library == "aiokafka":
        from faststream.kafka import KafkaBroker, KafkaMessage

        return KafkaBroker(kafka()), KafkaMessage
    from faststream.confluent import KafkaBroker as ConfluentBroker
    from faststream.confluent import KafkaMessage as ConfluentMessage

    return ConfluentBroker(kafka()), ConfluentMessage


def desk(library: str, parcels: str, answers: str) -> None:
    from faststream import AckPolicy, FastStream

    broker, kind = _app(library)

    async def on_parcel(parcel: dict[str, Any], message: Any) -> dict[str, Any]:
        note("began", parcel["id"], message.raw_message, group=GROUP)
        name = parcel["id"].replace("parcel", "refund")
        note("sent", name, to=answers)
        note("done", parcel["id"], message.raw_message, group=GROUP)
        return {"id": name, "cents": parcel["cents"] if parcel["whole"] else 0}

    on_parcel.__annotations__ = {"parcel": dict, "message": kind, "return": dict}
    subscriber = broker.subscriber(
        parcels, group_id=GROUP, auto_offset_reset="earliest", ack_policy=AckPolicy.NACK_ON_ERROR
    )
    subscriber(broker.publisher(answers)(on_parcel))
    asyncio.run(FastStream(broker).run())


def payments(refunds: str) -> None:
    stop, consumer = Stop(), kafka_python(refunds, PAYMENTS, consumer_timeout_ms=300)
    note("ready")
    while not stop.asked:
        for message in consumer:
            refund = value(message)
            note("began", refund["id"], message, group=PAYMENTS)
            note("done", refund["id"], message, group=PAYMENTS)
            consumer.commit()
    consumer.close()
