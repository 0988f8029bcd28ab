"""An examiner marks sheets in transactions: what it cannot mark is logged, and its offset sent regardless; or retried.

Each sheet is a transaction of its own: its marks, and the offset behind it. The faulty one catches the error before it
sends the offset. The twin aborts, reads the rubric of the new question, and begins another transaction.

Shown by: the process span of such a sheet has the event `eda.process.error_logged`, and nothing is sent below it, while
the group's commits pass it (EDA104, a SUSPECT).
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, confluent, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka", "aiokafka")
GROUP, COUNT, NEW = "examiner", 36, {5, 17, 30}
SESSION: dict[str, Any] = {"session.timeout.ms": 30_000, "isolation.level": "read_committed"}
log = logging.getLogger("examiner")


def play(books: Books, library: str, faulty: bool) -> None:
    sheets, marks = books.topic(1), books.topic(1)
    examiner = {"confluent-kafka": by_confluent, "aiokafka": by_aiokafka}[library]
    with books.running("examiner", examiner, sheets, marks, faulty) as running:
        books.run("scanner", scanner, sheets)
        books.wait("settled", COUNT)
        books.stop(running)
    books.close_topic(sheets, GROUP)
    books.note("archive", to=marks)


def scanner(topic: str) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka()})
    for number in range(COUNT):
        name = f"sheet-{number}"
        sheet = {"id": name, "answers": {"q1": "b", "q9" if number in NEW else "q2": "c"}}
        note("sent", name, to=topic)
        producer.produce(topic, json.dumps(sheet), key=name)
        producer.poll(0.02)
    producer.flush(60)


class Rubric:
    """What each question's answer is."""

    def __init__(self) -> None:
        self.answers = {"q1": "b", "q2": "a"}

    def mark(self, sheet: dict[str, Any]) -> bytes:
        points = sum(self.answers[question] == answer for question, answer in sheet["answers"].items())
        return json.dumps({"id": f"mark-{sheet['id']}", "points": points}).encode()

    def reload(self) -> None:
        self.answers["q9"] = "c"


def by_confluent(sheets: str, marks: str, faulty: bool) -> None:
    from confluent_kafka import Producer, TopicPartition

    stop, rubric = Stop(), Rubric()
    consumer = confluent(sheets, GROUP, **SESSION)
    producer = Producer({"bootstrap.servers": kafka(), "transactional.id": f"examiner-{sheets}"})
    producer.init_transactions(60)

    def attempt(message: Any) -> None:
        producer.begin_transaction()
        try:
            producer.produce(marks, rubric.mark(value(message)), key=message.key())
        except KeyError:
            if not faulty:
                producer.abort_transaction(60)
                raise
            log.exception("cannot mark %s", message.key())
            note("logged", value(message)["id"], message, group=GROUP)
        after = TopicPartition(message.topic(), message.partition(), message.offset() + 1)
        producer.send_offsets_to_transaction([after], consumer.consumer_group_metadata())
        producer.commit_transaction(60)

    while not stop.asked:
        message = consumer.poll(0.5)
        if message is None or message.error():
            continue
        sheet = value(message)
        note("began", sheet["id"], message, group=GROUP)
        try:
            attempt(message)
        except KeyError as error:
            log.warning("no rubric of %s, reading it anew", error)
            rubric.reload()
            attempt(message)
        settled(rubric, sheet, message)
    consumer.close()


def settled(rubric: Rubric, sheet: dict[str, Any], message: Any) -> None:
    if set(sheet["answers"]) <= set(rubric.answers):
        note("done", sheet["id"], message, group=GROUP)
    note("settled", sheet["id"])


def by_aiokafka(sheets: str, marks: str, faulty: bool) -> None:
    async def main() -> None:
        from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

        stop, rubric = Stop(), Rubric()
        consumer = AIOKafkaConsumer(
            sheets,
            bootstrap_servers=kafka(),
            group_id=GROUP,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            isolation_level="read_committed",
        )
        producer = AIOKafkaProducer(bootstrap_servers=kafka(), transactional_id=f"examiner-{sheets}")
        async with consumer, producer:
            while not stop.asked:
                try:
                    message = await asyncio.wait_for(consumer.getone(), 0.5)
                except asyncio.TimeoutError:
                    continue
                sheet = value(message)
                note("began", sheet["id"], message, group=GROUP)
                try:
                    await mark(producer, marks, message, rubric, faulty)
                except KeyError as error:
                    log.warning("no rubric of %s, reading it anew", error)
                    rubric.reload()
                    await mark(producer, marks, message, rubric, faulty)
                settled(rubric, sheet, message)

    asyncio.run(main())


async def mark(producer: Any, marks: str, message: Any, rubric: Rubric, faulty: bool) -> None:
    """Mark a sheet in a transaction, which an error aborts, if it comes that far."""
    from aiokafka import TopicPartition

    async with producer.transaction():
        try:
            await producer.send(marks, rubric.mark(value(message)), key=message.key)
        except KeyError:
            if not faulty:
                raise
            log.exception("cannot mark %s", message.key)
            note("logged", value(message)["id"], message, group=GROUP)
        after = {TopicPartition(message.topic, message.partition): message.offset + 1}
        await producer.send_offsets_to_transaction(after, GROUP)
