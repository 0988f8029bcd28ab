"""Reminders with a due time: what is not due is put back by a seek, and its partition paused; or it is forgotten."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, confluent, kafka_python, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "confluent-kafka")
GROUP = "reminders"
COUNT, EARLY = 20, {4, 9, 14}


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    books.run("calendar", calendar, library, topic)
    with books.running("reminders", remind, library, topic, faulty) as service:
        books.wait("done", COUNT - len(EARLY) if faulty else COUNT)
        books.stop(service)
    books.close_topic(topic, GROUP)


def calendar(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"visit-{n}", "wait": 1.2 if n in EARLY else 0} for n in range(COUNT)])


class Due:
    """Knows what is due, counted from when it was seen first, as an answer to a throttled partner is."""

    def __init__(self) -> None:
        self.seen: dict[str, float] = {}

    def left(self, reminder: dict[str, Any]) -> float:
        first = self.seen.setdefault(reminder["id"], time.time())
        return float(first + reminder["wait"] - time.time())


def send(message: Any) -> None:
    reminder = value(message)
    note("began", reminder["id"], message, group=GROUP)
    time.sleep(0.005)
    note("done", reminder["id"], message, group=GROUP)


def remind(library: str, topic: str, faulty: bool) -> None:
    by_confluent(topic, faulty) if library == "confluent-kafka" else by_kafka_python(topic, faulty)


def by_confluent(topic: str, faulty: bool) -> None:
    from confluent_kafka import TopicPartition

    stop, due, until, consumer = Stop(), Due(), 0.0, confluent(topic, GROUP)
    while not stop.asked:
        message = consumer.poll(0.1)
        if until and time.time() > until:
            consumer.resume(consumer.assignment())
            until = 0.0
        if message is None or message.error():
            continue
        left = due.left(value(message))
        if left > 0:
            until = time.time() + left
            place = TopicPartition(topic, message.partition(), message.offset())
            consumer.pause([place])
            if not faulty:
                consumer.seek(place)
            continue
        send(message)
        consumer.commit(message, asynchronous=False)
    consumer.close()


def by_kafka_python(topic: str, faulty: bool) -> None:
    from kafka import TopicPartition

    stop, due, until, consumer = Stop(), Due(), 0.0, kafka_python(topic, GROUP)
    while not stop.asked:
        if until and time.time() > until:
            consumer.resume(TopicPartition(topic, 0))
            until = 0.0
        for place, records in consumer.poll(timeout_ms=100, max_records=5).items():
            for record in records:
                left = due.left(value(record))
                if left <= 0:
                    send(record)
                    continue
                until = time.time() + left
                consumer.pause(place)
                if not faulty:
                    consumer.seek(place, record.offset)
                    break
            consumer.commit()
    consumer.close()
