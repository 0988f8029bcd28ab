"""A FastStream service puts back what fails, and one passage always does, so all others wait; or it soon works.

A plate that no camera could read is null, which the handler does not expect. The team chose `NACK_ON_ERROR`, so that
nothing gets lost. The twin asks a slow register, which knows the plate at the third time.

Shown by: many process spans of one offset, each with `error.type`, and none of a later offset while messages are sent
(EDA402; EDA403 as most attempts are of it).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import publish

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka", "confluent-kafka")
GROUP, COUNT, UNREAD, ROUNDS = "toll-billing", 24, 9, 60


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    with books.running("toll-billing", billing, library, topic, faulty) as service:
        books.run("toll-gates", gates, library, topic)
        if faulty:
            books.wait("failed", ROUNDS)
        else:
            books.wait("done", COUNT)
        books.stop(service)
    books.close_topic(topic, GROUP)
    if faulty:
        books.note("may", code="EDA504", where={"destination": topic})  # what is behind it waits


def gates(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"pass-{n}", "plate": None if n == UNREAD else f"HH-T {n}"} for n in range(COUNT)])


class Tariff:
    """Prices passages; the twin has a register that finds a plate by its picture, if it is asked often enough."""

    def __init__(self, register: bool) -> None:
        self.register = register
        self.asked: dict[str, int] = {}

    async def plate(self, passage: dict[str, Any]) -> str:
        self.asked[passage["id"]] = self.asked.get(passage["id"], 0) + 1
        if self.register and passage["plate"] is None and self.asked[passage["id"]] > 2:
            return "hh-t 9"
        plate: str = passage["plate"].upper()
        return plate

    async def bill(self, passage: dict[str, Any], record: Any) -> None:
        note("began", passage["id"], record, group=GROUP)
        await asyncio.sleep(0.03)
        try:
            await self.plate(passage)
        except AttributeError:
            note("failed", passage["id"], record, group=GROUP)
            raise
        note("done", passage["id"], record, group=GROUP)


def billing(library: str, topic: str, faulty: bool) -> None:
    from faststream import AckPolicy, FastStream

    if library == "aiokafka":
        from faststream.kafka import KafkaBroker, KafkaMessage
    else:
        from faststream.confluent import KafkaBroker, KafkaMessage  # type: ignore[assignment]
    broker, tariff = KafkaBroker(kafka()), Tariff(not faulty)

    async def on_passage(passage: dict[str, Any], message: KafkaMessage) -> None:
        await tariff.bill(passage, message.raw_message)

    on_passage.__annotations__ = {"passage": dict, "message": KafkaMessage, "return": None}
    broker.subscriber(topic, group_id=GROUP, auto_offset_reset="earliest", ack_policy=AckPolicy.NACK_ON_ERROR)(
        on_passage
    )
    asyncio.run(FastStream(broker).run())
