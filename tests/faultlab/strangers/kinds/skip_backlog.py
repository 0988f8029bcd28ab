"""A dashboard goes to the end of its topic at each start, and its group with it; its twin goes to the beginning."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka", "aiokafka")
GROUP = "dashboard"


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    program = {"confluent-kafka": by_confluent, "aiokafka": by_aiokafka}[library]
    books.run("till", till, library, topic, 0, 10)
    with books.running("dashboard", program, topic, False, False) as dashboard:
        books.wait("done", 10)
        books.stop(dashboard)
    books.run("till", till, library, topic, 10, 15)
    with books.running("dashboard", program, topic, faulty, not faulty) as dashboard:
        books.wait("assigned", 2)
        books.run("till", till, library, topic, 25, 10)
        books.wait("done", 20 if faulty else 45)
        books.stop(dashboard)
    books.close_topic(topic, GROUP)
    if not faulty:  # the group did go back
        books.note("may", code="EDA504", where={"group": GROUP, "destination": topic})


def till(library: str, topic: str, first: int, count: int) -> None:
    publish(library, topic, [{"id": f"sale-{first + n}", "cents": n} for n in range(count)])


def show(sale: dict[str, Any], message: Any, again: bool) -> None:
    note("began", sale["id"], message, group=GROUP)
    note("done", sale["id"], message, group=GROUP, meant=again)


def by_confluent(topic: str, latest: bool, again: bool) -> None:
    from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer

    stop = Stop()
    consumer = Consumer({"bootstrap.servers": kafka(), "group.id": GROUP, "auto.offset.reset": "earliest"})

    def on_assign(reader: Any, partitions: Any) -> None:
        for partition in partitions:
            if latest or again:
                partition.offset = OFFSET_END if latest else OFFSET_BEGINNING
        reader.assign(partitions)
        note("assigned")

    consumer.subscribe([topic], on_assign=on_assign)
    while not stop.asked:
        message = consumer.poll(0.3)
        if message is not None and message.error() is None:
            show(value(message), message, again)
    consumer.close()


def listener(consumer: Any, latest: bool, again: bool) -> Any:
    from aiokafka import ConsumerRebalanceListener

    class Listener(ConsumerRebalanceListener):  # type: ignore[misc]
        async def on_partitions_revoked(self, revoked: Any) -> None:
            pass

        async def on_partitions_assigned(self, assigned: Any) -> None:
            if latest:
                await consumer.seek_to_end(*assigned)
            elif again:
                await consumer.seek_to_beginning(*assigned)
            note("assigned")

    return Listener()


def by_aiokafka(topic: str, latest: bool, again: bool) -> None:
    async def main() -> None:
        from aiokafka import AIOKafkaConsumer

        stop = Stop()
        consumer = AIOKafkaConsumer(bootstrap_servers=kafka(), group_id=GROUP, auto_offset_reset="earliest")
        consumer.subscribe(pattern=f"^{topic}$", listener=listener(consumer, latest, again))
        await consumer.start()
        while not stop.asked:
            for records in (await consumer.getmany(timeout_ms=300)).values():
                for record in records:
                    show(json.loads(record.value), record, again)
        await consumer.stop()

    asyncio.run(main())
