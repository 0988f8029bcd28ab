"""A bridge from RabbitMQ to Kafka acknowledges when it has sent, and only logs refusals; or it sends pages that fit.

The send span of a document that is too large ends with the broker's error (EDA101). The message that it came in is
acknowledged, and the error is in the logs.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

from faultlab.strangers import rabbit_house
from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import work
from faultlab.strangers.rabbit_house import publish, url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from faultlab.strangers.books import Books

LIBRARIES = ("pika", "aio-pika")
CLIENTS = {"pika": "kafka-python", "aio-pika": "aiokafka"}
GROUP, COUNT, LIMIT, LARGE = "archive", 30, 20_000, {6, 19}
log = logging.getLogger("bridge")


def play(books: Books, library: str, faulty: bool) -> None:
    queue, topic = books.queue(), books.topic(1, **{"max.message.bytes": str(LIMIT)})
    books.run("mainframe", mainframe, library, queue)
    books.run("legacy-bridge", by_pika if library == "pika" else by_aio_pika, queue, topic, faulty)
    books.run("archive", archive, CLIENTS[library], topic)
    # At least those; an idempotent producer may then refuse whatever comes after them, too.
    assert len(LARGE) <= books.count("refused") if faulty else not books.count("refused")
    books.close_topic(topic, GROUP)
    books.close_queue(queue)
    if faulty:
        books.note("may", code="EDA104", where={"within": queue})  # what was acknowledged has not been done


def mainframe(library: str, queue: str) -> None:
    documents = [{"id": f"doc-{n}", "text": "x" * (30_000 if n in LARGE else 200)} for n in range(COUNT)]
    publish(library, queue, documents)


def archive(client: str, topic: str) -> None:
    def keep(document: dict[str, Any], message: Any) -> None:
        note("began", document["id"], message, group=GROUP)
        note("done", document["id"], message, group=GROUP)

    work(client, topic, GROUP, keep)


def pages(document: dict[str, Any], whole: bool) -> Iterator[bytes]:
    """Give what is to be sent: the document, or parts of it that are small enough."""
    if whole or len(document["text"]) < LIMIT // 2:
        yield json.dumps(document).encode()
        return
    step = LIMIT // 2
    for number, at in enumerate(range(0, len(document["text"]), step)):
        page = {"id": f"{document['id']}-{number}", "text": document["text"][at : at + step]}
        yield json.dumps(page).encode()


def by_pika(queue: str, topic: str, faulty: bool) -> None:
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=kafka(), acks="all")

    def forward(document: dict[str, Any], message: Any) -> str:
        def refused(error: BaseException) -> None:
            note("refused", document["id"], to=topic)
            log.error("could not forward %s: %s", document["id"], error)

        note("began", document["id"], message)
        for page in pages(document, faulty):
            future = producer.send(topic, page, key=document["id"].encode())
            if faulty:
                future.add_errback(refused)
            else:
                future.get(30)
        note("done", document["id"], message)
        return "ack"

    rabbit_house.work("pika", queue, forward)
    producer.flush()
    producer.close()


class Bridge:
    """Forwards documents by asyncio."""

    def __init__(self, producer: Any, topic: str, faulty: bool) -> None:
        self.producer, self.topic, self.faulty = producer, topic, faulty
        self.open: set[Any] = set()

    async def forward(self, message: Any) -> None:
        document = json.loads(message.body)
        note("began", document["id"], message)
        for page in pages(document, self.faulty):
            sent = await self.producer.send(self.topic, page, key=document["id"].encode())
            if self.faulty:
                self.open.add(sent)
                sent.add_done_callback(lambda one: self.look(one, document["id"]))
            else:
                await sent
        note("done", document["id"], message)
        await message.ack()

    def look(self, sent: Any, name: str) -> None:
        self.open.discard(sent)
        if sent.exception():
            note("refused", name, to=self.topic)
            log.error("could not forward %s: %s", name, sent.exception())


def by_aio_pika(queue: str, topic: str, faulty: bool) -> None:
    async def main() -> None:
        import aio_pika
        from aiokafka import AIOKafkaProducer

        async with (
            AIOKafkaProducer(bootstrap_servers=kafka()) as producer,
            await aio_pika.connect_robust(url()) as connection,
        ):
            bridge = Bridge(producer, topic, faulty)
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=10)
            source = await channel.get_queue(queue)
            try:
                async with source.iterator(timeout=3) as messages:
                    async for message in messages:
                        await bridge.forward(message)
            except asyncio.TimeoutError:
                pass

    asyncio.run(main())
