"""A FastStream handler takes longer than its group allows: another replica gets the message, and exports it, too.

One customer's survey is large. The member is thrown out while it works; the other one gets the same message, and so on.
The twin's group allows a minute.

Shown by: process spans of one offset in one group and two processes, without an error, one within the other; the
partition is revoked and assigned in between (EDA203, EDA202).
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers import diary
from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import publish

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka",)
GROUP, COUNT, LARGE, LONG = "survey-exports", 9, 4, 14.0


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    with (
        books.running("survey-exports", exports, topic, faulty) as one,
        books.running("survey-exports", exports, topic, faulty) as two,
    ):
        books.wait("up", 2)
        time.sleep(6)  # both are in the group
        books.run("survey-web", web, topic)
        books.wait("done", LARGE + 2 if faulty else COUNT)
        books.stop(one)
        books.stop(two)
    books.close_topic(topic, GROUP)
    books.note("may", code="EDA502", where={"service": "survey-exports"})  # it does take long
    if faulty:
        assert times(books, f"survey-{LARGE}") >= 2
        for code in ("EDA504", "EDA602"):
            books.note("may", code=code, where={"group": GROUP})  # nobody gets past it, and it is handed to and fro


def times(books: Books, event: str) -> int:
    return sum(line["what"] == "done" and line["event"] == event for line in diary.read(books.file))


def web(topic: str) -> None:
    publish("aiokafka", topic, [{"id": f"survey-{n}", "answers": 40_000 if n == LARGE else 40} for n in range(COUNT)])


async def export(survey: dict[str, Any], record: Any) -> None:
    note("began", survey["id"], record, group=GROUP, pid=os.getpid())
    await asyncio.sleep(LONG if survey["answers"] > 1000 else 0.02)
    note("done", survey["id"], record, group=GROUP, pid=os.getpid())


def exports(topic: str, faulty: bool) -> None:
    from faststream import AckPolicy, FastStream
    from faststream.kafka import KafkaBroker, KafkaMessage

    broker = KafkaBroker(kafka(), graceful_timeout=20)

    async def on_survey(survey: dict[str, Any], message: KafkaMessage) -> None:
        await export(survey, message.raw_message)

    async def started() -> None:
        note("up")

    on_survey.__annotations__ = {"survey": dict, "message": KafkaMessage, "return": None}
    broker.subscriber(
        topic,
        group_id=GROUP,
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.ACK,
        max_poll_interval_ms=6_000 if faulty else 60_000,
        session_timeout_ms=6_000,
        heartbeat_interval_ms=1_000,
        rebalance_timeout_ms=6_000 if faulty else 60_000,
    )(on_survey)
    asyncio.run(FastStream(broker, after_startup=[started]).run())
