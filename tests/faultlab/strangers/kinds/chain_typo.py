"""A FastStream service publishes what its handlers return: to a name with a typing error; the twin's audit is at night.

On Kafka somebody made the other topic years ago: it has sends and no reader (EDA107). RabbitMQ has no queue of that
name, and returns the message; FastStream takes no notice, but the send span says `eda.returned` (EDA106).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from faultlab.strangers import kafka_house, rabbit_house
from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka", "aio-pika")
GROUP, COUNT = "acquirer", 16


def play(books: Books, library: str, faulty: bool) -> None:
    by_kafka = library == "aiokafka"
    make = books.topic if by_kafka else books.queue
    payments, confirmed, audit = make(), make(), make()
    old = make() if by_kafka else f"{confirmed}s"
    results = [old] if faulty else [confirmed, audit]
    with books.running("acquirer", by_aiokafka if by_kafka else by_aio_pika, payments, results) as acquirer:
        books.run("till", till, library, payments)
        books.wait("done", COUNT, "acquirer")
        books.stop(acquirer)
    for service, place in [("ledger", confirmed), ("audit", audit)]:
        books.run(service, read, library, place, service)
    assert books.count("done", "ledger") == (0 if faulty else COUNT)
    if by_kafka:
        books.close_topic(payments, GROUP)
    else:
        books.close_queue(payments)
    if faulty and by_kafka:
        books.note("unread", to=old)
    elif faulty:
        books.note("returned", who="acquirer")


def till(library: str, place: str) -> None:
    house: Any = kafka_house if library == "aiokafka" else rabbit_house
    house.publish(library, place, [{"id": f"payment-{n}", "cents": 1250} for n in range(COUNT)])


def read(library: str, place: str, group: str) -> None:
    def book(payment: dict[str, Any], message: Any) -> str:
        note("done", f"{payment['id']} of {group}", message)
        return "ack"

    if library == "aiokafka":
        kafka_house.work(library, place, group, book)  # type: ignore[arg-type]
    else:
        rabbit_house.work(library, place, book)


async def confirm(payment: dict[str, Any], message: Any, group: str | None = None) -> dict[str, Any]:
    note("began", payment["id"], message, group=group)
    await asyncio.sleep(0.02)
    note("done", payment["id"], message, group=group)
    return {**payment, "confirmed": True}


def by_aiokafka(payments: str, results: list[str]) -> None:
    from faststream import AckPolicy, FastStream
    from faststream.kafka import KafkaBroker, KafkaMessage

    broker = KafkaBroker(kafka())

    async def on_payment(payment: dict[str, Any], message: KafkaMessage) -> dict[str, Any]:
        return await confirm(payment, message.raw_message, GROUP)

    on_payment.__annotations__ = {"payment": dict, "message": KafkaMessage, "return": dict}
    handler: Any = on_payment
    for result in results:
        handler = broker.publisher(result)(handler)
    broker.subscriber(payments, group_id=GROUP, auto_offset_reset="earliest", ack_policy=AckPolicy.NACK_ON_ERROR)(
        handler
    )
    asyncio.run(FastStream(broker).run())


def by_aio_pika(payments: str, results: list[str]) -> None:
    from faststream import FastStream
    from faststream.rabbit import RabbitBroker, RabbitMessage, RabbitQueue

    broker = RabbitBroker(url())

    async def on_payment(payment: dict[str, Any], message: RabbitMessage) -> dict[str, Any]:
        return await confirm(payment, message.raw_message)

    on_payment.__annotations__ = {"payment": dict, "message": RabbitMessage, "return": dict}
    handler: Any = on_payment
    for result in results:
        handler = broker.publisher(result)(handler)
    broker.subscriber(RabbitQueue(payments, durable=True))(handler)
    asyncio.run(FastStream(broker).run())
