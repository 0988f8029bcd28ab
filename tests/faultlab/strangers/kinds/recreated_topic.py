"""A topic is deleted and made anew: its group then begins at its end, and misses some; or at its beginning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support.waiting import until

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, confluent, kafka_python, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "confluent-kafka")
GROUP = "stock"


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    with books.running("stock", stock, library, topic, "latest" if faulty else "earliest") as service:
        books.wait("assigned", 1)
        books.run("shop", shop, library, topic, "old", 0, 20)
        books.wait("done", 20)
        books.stop(service)
    for number in range(20):
        books.note("acked", event=f"old-{number}", at={"destination": topic})
    anew(books.stage.kafka, topic)
    books.run("shop", shop, library, topic, "new", 0, 12)
    with books.running("stock", stock, library, topic, "latest" if faulty else "earliest") as service:
        books.wait("assigned", 2)
        books.run("shop", shop, library, topic, "new", 12, 30)
        books.wait("done", 38 if faulty else 50)
        books.stop(service)
    books.close_topic(topic, GROUP)


def anew(address: str, topic: str) -> None:
    """Delete a topic and make it once more, as people do to be rid of what is in it."""
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.cimpl import NewTopic

    client = AdminClient({"bootstrap.servers": address})
    client.delete_topics([topic])[topic].result(10)
    until(lambda: topic not in client.list_topics(timeout=10).topics, "the topic is gone", 20)
    client.create_topics([NewTopic(topic, 1, 1)])[topic].result(10)


def shop(library: str, topic: str, age: str, first: int, last: int) -> None:
    publish(library, topic, [{"id": f"{age}-{n}", "sku": f"sku-{n % 7}", "age": age} for n in range(first, last)])


def take(message: Any) -> None:
    sold = value(message)
    # What is deleted later has no place of its own: another message will be there.
    at = message if sold["age"] == "new" else None
    note("began", sold["id"], at, group=GROUP)
    note("done", sold["id"], at, group=GROUP)


def stock(library: str, topic: str, reset: str) -> None:
    by_confluent(topic, reset) if library == "confluent-kafka" else by_kafka_python(topic, reset)


def by_confluent(topic: str, reset: str) -> None:
    settings: dict[str, Any] = {"auto.offset.reset": reset}
    stop, empty, consumer = Stop(), 0, confluent(topic, GROUP, **settings)
    while not stop.asked:
        message = consumer.poll(0.3)
        if message is None:
            empty += bool(consumer.assignment())
        elif not message.error():
            take(message)
            consumer.commit(message, asynchronous=False)
            empty += 4
        if 3 <= empty < 1000:
            empty = 1000
            note("assigned")
    consumer.close()


def by_kafka_python(topic: str, reset: str) -> None:
    stop, assigned, consumer = Stop(), False, kafka_python(topic, GROUP, auto_offset_reset=reset)
    while not stop.asked:
        for records in consumer.poll(timeout_ms=300).values():
            for record in records:
                take(record)
            consumer.commit()
        if not assigned and consumer.assignment():
            assigned = all(consumer.position(one) is not None for one in consumer.assignment())
            if assigned:
                note("assigned")
    consumer.close()
