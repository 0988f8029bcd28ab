"""A converter writes by transactions, and commits its offsets after them, between which it dies; or within them."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import KILLED, kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import confluent, publish, value, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka",)
GROUP, NEXT = "converter", "reporting"
SIZE = 8


def play(books: Books, library: str, faulty: bool) -> None:
    source, target = books.topic(1), books.topic(1)
    books.run("trades", trades, library, source)
    books.run("converter", convert, source, target, faulty, True, status=KILLED if faulty else 0)
    if faulty:
        books.run("converter", convert, source, target, faulty, False)
    books.run("reporting", report, library, target)
    books.close_topic(source, GROUP)
    books.close_topic(target, NEXT)


def trades(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"t-{n}", "usd": n} for n in range(40)])


def convert(source: str, target: str, faulty: bool, trouble: bool) -> None:
    from confluent_kafka import Producer

    consumer = confluent(source, GROUP)
    producer = Producer({"bootstrap.servers": kafka(), "transactional.id": f"converter-{source}"})
    producer.init_transactions(20)
    batches, empty, again = 0, 0, set()
    while empty < 8:
        batch = [one for one in consumer.consume(SIZE, timeout=0.5) if not one.error()]
        empty = 0 if batch else empty + 1
        if not batch:
            continue
        batches += 1
        producer.begin_transaction()
        for message in batch:
            trade = value(message)
            note("began", trade["id"], message, group=GROUP)
            producer.produce(target, json.dumps({"id": f"eur-{trade['id']}", "eur": trade["usd"] * 0.9}))
            note("done", trade["id"], message, group=GROUP, whole=True, meant=trade["id"] in again)
        if trouble and not faulty and batches == 3:
            again |= {value(message)["id"] for message in batch}
            producer.abort_transaction()  # the rate has changed meanwhile
            rewind(consumer, batch)
            continue
        if not faulty:
            positions = consumer.position(consumer.assignment())
            producer.send_offsets_to_transaction(positions, consumer.consumer_group_metadata())
        producer.commit_transaction()
        if trouble and faulty and batches == 3:
            time.sleep(1.5)
            os.kill(os.getpid(), signal.SIGKILL)
        if faulty:
            consumer.commit(asynchronous=False)
    consumer.close()


def rewind(consumer: Any, batch: list[Any]) -> None:
    from confluent_kafka import TopicPartition

    consumer.seek(TopicPartition(batch[0].topic(), batch[0].partition(), batch[0].offset()))


def report(library: str, topic: str) -> None:
    def count(trade: dict[str, Any], message: Any) -> None:
        note("began", trade["id"], message, group=NEXT)
        note("done", trade["id"], message, group=NEXT)

    work(library, topic, NEXT, count)
