"""Somebody moves a group by timestamp with a tool: too far, as the zone was wrong; or back, to have some again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, confluent, kafka_python, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "confluent-kafka")
GROUP = "invoices"


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    books.run("shop", shop, library, topic, 0, 10)
    time.sleep(0.5)
    mark = time.time()
    books.run("shop", shop, library, topic, 10, 20)
    with books.running("invoices", invoices, library, topic, False) as service:
        books.wait("done", 20)
        books.stop(service)
    books.run("shop", shop, library, topic, 20, 32)
    time.sleep(0.5)
    books.run("ops", move, library, topic, time.time() if faulty else mark)
    with books.running("invoices", invoices, library, topic, True) as service:
        books.wait("assigned", 2)
        books.run("shop", shop, library, topic, 32, 40)
        books.wait("done", 28 if faulty else 50)
        books.stop(service)
    books.close_topic(topic, GROUP)


def shop(library: str, topic: str, first: int, last: int) -> None:
    publish(library, topic, [{"id": f"order-{n}", "cents": 99} for n in range(first, last)])


def move(library: str, topic: str, when: float) -> None:
    """Move a group to the first message since then, or to the end."""
    (by_confluent if library == "confluent-kafka" else by_kafka_python)(topic, int(when * 1000))


def by_confluent(topic: str, milliseconds: int) -> None:
    from confluent_kafka import Consumer, TopicPartition

    tool = Consumer({"bootstrap.servers": kafka(), "group.id": GROUP})
    (found,) = tool.offsets_for_times([TopicPartition(topic, 0, milliseconds)], 10)
    if found.offset < 0:
        found.offset = tool.get_watermark_offsets(found, 10)[1]
    tool.commit(offsets=[TopicPartition(topic, 0, found.offset)], asynchronous=False)
    tool.close()


def by_kafka_python(topic: str, milliseconds: int) -> None:
    from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition

    tool, place = (
        KafkaConsumer(bootstrap_servers=kafka(), group_id=GROUP, enable_auto_commit=False),
        TopicPartition(topic, 0),
    )
    tool.assign([place])
    found = tool.offsets_for_times({place: milliseconds})[place]
    offset = found.offset if found else tool.end_offsets([place])[place]
    tool.commit({place: OffsetAndMetadata(offset, "moved by hand", -1)})
    tool.close()


def invoice(message: Any, again: bool) -> None:
    order = value(message)
    note("began", order["id"], message, group=GROUP)
    note("done", order["id"], message, group=GROUP, meant=again)


def invoices(library: str, topic: str, again: bool) -> None:
    (with_confluent if library == "confluent-kafka" else with_kafka_python)(topic, again)


def with_confluent(topic: str, again: bool) -> None:
    stop, consumer = Stop(), confluent(topic, GROUP)
    assigned = False
    while not stop.asked:
        message = consumer.poll(0.3)
        if not assigned and consumer.assignment():
            assigned = True
            note("assigned")
        if message is not None and not message.error():
            invoice(message, again)
            consumer.commit(message, asynchronous=False)
    consumer.close()


def with_kafka_python(topic: str, again: bool) -> None:
    stop, consumer = Stop(), kafka_python(topic, GROUP)
    assigned = False
    while not stop.asked:
        found = consumer.poll(timeout_ms=300)
        if not assigned and consumer.assignment():
            assigned = True
            note("assigned")
        for records in found.values():
            for record in records:
                invoice(record, again)
        if found:
            consumer.commit()
    consumer.close()
