"""A loader keeps rows until it has enough: at a rebalance it writes them, too late, as another one has them as well.

What shows it: rows of the partition that has gone have process spans in two processes, the first ones without a
commit after them (EDA202, a SUSPECT at least, since no span shows when rows were written). At a rebalance the twin
writes and commits what it has (aiokafka), or forgets what another one has now (kafka-python, where a listener must
not commit): what was not committed has two spans there, too, and was written once.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "aiokafka")
GROUP, ENOUGH, EARLY, COUNT = "fleet-rows", 25, 16, 90


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(2)
    loader = {"kafka-python": by_kafka_python, "aiokafka": by_aiokafka}[library]
    with books.running("fleet-rows", loader, topic, faulty) as first:
        books.run("trucks", trucks, topic, 0, EARLY)
        books.wait("began", EARLY)
        with books.running("fleet-rows", loader, topic, faulty) as second:
            books.wait("up", 2)
            if faulty:
                books.wait("began", EARLY + EARLY // 2)  # the second one has those of its partition
            else:
                books.wait("moved", 1)
            books.run("trucks", trucks, topic, EARLY, COUNT)
            books.wait("began", COUNT + (EARLY // 2 if faulty else 0))
            books.stop(first)
            time.sleep(1)
            books.stop(second)
    books.close_topic(topic, GROUP)
    done = {line["event"] for line in lines(books) if line["what"] == "done"}
    assert len(done) == COUNT
    if not faulty:
        books.note("may", code="EDA202", where={"group": GROUP})


def lines(books: Books) -> list[dict[str, Any]]:
    from faultlab.strangers import diary

    return diary.read(books.file)


def trucks(topic: str, first: int, last: int) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka()})
    for number in range(first, last):
        row = {"id": f"row-{number}", "truck": number % 8, "litres": number / 10}
        note("sent", row["id"], to=topic)
        producer.produce(topic, json.dumps(row), partition=number % 2)
        producer.poll(0.01)
    producer.flush(60)


class Rows:
    """Rows on their way into a table, some at a time."""

    def __init__(self) -> None:
        self.waiting: list[Any] = []
        note("up")

    def add(self, message: Any) -> None:
        note("began", value(message)["id"], message, group=GROUP)
        self.waiting.append(message)

    def enough(self) -> bool:
        return len(self.waiting) >= ENOUGH

    def write(self) -> None:
        time.sleep(0.02)
        for message in self.waiting:
            note("done", value(message)["id"], message, group=GROUP, whole=True)
        self.waiting.clear()


def by_kafka_python(topic: str, faulty: bool) -> None:
    from kafka import ConsumerRebalanceListener, KafkaConsumer

    stop, rows = Stop(), Rows()
    consumer = KafkaConsumer(
        bootstrap_servers=kafka(),
        group_id=GROUP,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        heartbeat_interval_ms=500,
    )

    class Forgetting(ConsumerRebalanceListener):  # type: ignore[misc]
        """Leaves rows of partitions that have gone to whoever has them now."""

        def on_partitions_revoked(self, _: Any) -> None:
            pass

        def on_partitions_assigned(self, assigned: Any) -> None:
            mine = {one.partition for one in assigned}
            kept = [row for row in rows.waiting if row.partition in mine]
            if len(kept) < len(rows.waiting):
                rows.waiting = kept
                note("moved")

    consumer.subscribe([topic], **({} if faulty else {"listener": Forgetting()}))
    while not stop.asked:
        for records in consumer.poll(timeout_ms=300, max_records=10).values():
            for record in records:
                rows.add(record)
        if rows.enough():
            rows.write()
            consumer.commit()
    rows.write()
    consumer.commit()
    consumer.close()


def by_aiokafka(topic: str, faulty: bool) -> None:
    async def main() -> None:
        from aiokafka import AIOKafkaConsumer

        stop, rows = Stop(), Rows()
        consumer = AIOKafkaConsumer(
            bootstrap_servers=kafka(),
            group_id=GROUP,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            heartbeat_interval_ms=500,
        )
        consumer.subscribe([topic], **({} if faulty else {"listener": writing(consumer, rows)}))
        async with consumer:
            while not stop.asked:
                await load(consumer, rows)
            rows.write()
            await consumer.commit()

    asyncio.run(main())


async def load(consumer: Any, rows: Rows) -> None:
    for records in (await consumer.getmany(timeout_ms=300, max_records=10)).values():
        for record in records:
            rows.add(record)
    if rows.enough():
        rows.write()
        await consumer.commit()


def writing(consumer: Any, rows: Rows) -> Any:
    """Give a listener that writes and commits what there is before a partition goes."""
    from aiokafka import ConsumerRebalanceListener

    class Writing(ConsumerRebalanceListener):  # type: ignore[misc]
        async def on_partitions_revoked(self, _: Any) -> None:
            if rows.waiting:
                rows.write()
                await consumer.commit()
                note("moved")

        async def on_partitions_assigned(self, _: Any) -> None:
            pass

    return Writing()
