"""A new release renames a field, and the reader's model refuses such orders; the twin's model knows both names."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import publish

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka", "confluent-kafka")
GROUP = "invoicing"
NEW = range(12, 16)


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    program = by_aiokafka if library == "aiokafka" else by_confluent
    with books.running("invoicing", program, topic, faulty) as service:
        books.run("shop", shop, library, topic, 0, 12, "customer")
        books.run("shop", shop, library, topic, 12, 16, "customer_id")  # released, and rolled back
        books.run("shop", shop, library, topic, 16, 30, "customer")
        books.wait("done", 26 if faulty else 30)
        books.stop(service)
    if faulty:
        for number in NEW:
            books.note("logged", event=f"order-{number}")  # by FastStream; the handler never saw it
    books.close_topic(topic, GROUP)


def shop(library: str, topic: str, first: int, last: int, field: str) -> None:
    publish(library, topic, [{"id": f"order-{n}", field: f"c-{n % 7}", "cents": 100 * n} for n in range(first, last)])


def model(strict: bool) -> Any:
    """Give the class of orders."""
    from pydantic import AliasChoices, BaseModel, Field, create_model

    names = ("customer",) if strict else ("customer", "customer_id")
    fields: dict[str, Any] = {
        "id": (str, ...),
        "customer": (str, Field(validation_alias=AliasChoices(*names))),
        "cents": (int, ...),
    }
    return create_model("Order", __base__=BaseModel, **fields)


async def serve(broker: Any, message_type: Any, topic: str, faulty: bool, **more: Any) -> None:
    from faststream import FastStream

    async def invoice(order: Any, message: Any) -> None:
        note("began", order.id, message.raw_message, group=GROUP)
        await asyncio.sleep(0.01)
        note("done", order.id, message.raw_message, group=GROUP)

    invoice.__annotations__ = {"order": model(faulty), "message": message_type, "return": None}
    broker.subscriber(topic, group_id=GROUP, auto_offset_reset="earliest", **more)(invoice)
    await FastStream(broker).run()


def by_aiokafka(topic: str, faulty: bool) -> None:
    from faststream.kafka import KafkaBroker, KafkaMessage

    asyncio.run(serve(KafkaBroker(kafka()), KafkaMessage, topic, faulty, auto_commit_interval_ms=200))


def by_confluent(topic: str, faulty: bool) -> None:
    from faststream.confluent import KafkaBroker, KafkaMessage

    asyncio.run(serve(KafkaBroker(kafka()), KafkaMessage, topic, faulty, auto_commit_interval_ms=200))
