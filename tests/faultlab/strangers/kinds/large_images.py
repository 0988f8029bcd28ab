"""Images that are too large for the topic are logged and dropped; the twin sends a reference in their place."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import LIBRARIES, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
log = logging.getLogger("uploads")
GROUP = "thumbnails"


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1, **{"max.message.bytes": "2000"})
    books.run("uploads", upload, library, topic, faulty)
    books.run("thumbnails", thumbnails, library, topic)
    books.close_topic(topic, GROUP)


def images() -> list[dict[str, Any]]:
    return [{"id": f"img-{n}", "data": "x" * (9000 if n in {5, 11} else 50)} for n in range(16)]


def referring(image: dict[str, Any]) -> dict[str, Any]:
    return {"id": image["id"], "url": f"s3://images/{image['id']}"}


def encoded(image: dict[str, Any]) -> bytes:
    return json.dumps(image).encode()


def upload(library: str, topic: str, faulty: bool) -> None:
    {"kafka-python": by_kafka_python, "confluent-kafka": by_confluent, "aiokafka": by_aiokafka}[library](topic, faulty)


def by_kafka_python(topic: str, faulty: bool) -> None:
    from kafka import KafkaProducer
    from kafka.errors import MessageSizeTooLargeError

    producer = KafkaProducer(bootstrap_servers=kafka(), enable_idempotence=False)
    for image in images():
        try:
            producer.send(topic, encoded(image)).get(10)
        except MessageSizeTooLargeError:
            note("refused", image["id"], to=topic)
            log.exception("too large: %s", image["id"])
            if not faulty:
                producer.send(topic, encoded(referring(image))).get(10)
    producer.close()


def by_confluent(topic: str, faulty: bool) -> None:
    from confluent_kafka import Producer

    producer, again = Producer({"bootstrap.servers": kafka()}), []
    for image in images():

        def delivered(error: Any, _: Any, image: dict[str, Any] = image) -> None:
            if error is not None:
                note("refused", image["id"], to=topic)
                log.error("%s: %s", image["id"], error)
                again.append(referring(image))

        producer.produce(topic, encoded(image), on_delivery=delivered)
    producer.flush(30)
    for image in [] if faulty else again:
        producer.produce(topic, encoded(image))
    producer.flush(30)


def by_aiokafka(topic: str, faulty: bool) -> None:
    async def main() -> None:
        from aiokafka import AIOKafkaProducer
        from aiokafka.errors import MessageSizeTooLargeError

        async with AIOKafkaProducer(bootstrap_servers=kafka()) as producer:
            for image in images():
                try:
                    await producer.send_and_wait(topic, encoded(image))
                except MessageSizeTooLargeError as error:
                    note("refused", image["id"], to=topic)
                    log.warning("%r", error)
                    if not faulty:
                        await producer.send_and_wait(topic, encoded(referring(image)))

    asyncio.run(main())


def thumbnails(library: str, topic: str) -> None:
    def shrink(event: dict[str, Any], message: Any) -> None:
        note("began", event["id"], message, group=GROUP)
        note("done", event["id"], message, group=GROUP)

    work(library, topic, GROUP, shrink)
