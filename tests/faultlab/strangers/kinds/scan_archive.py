"""A FastStream service passes scans from RabbitMQ on to Kafka and awaits no confirmation: some are too large.

The twin does not wait for it either, but shrinks such scans before. What shows it: the send span of a scan
that the broker refuses has an error (`MessageSizeTooLargeError`, `MSG_SIZE_TOO_LARGE`), whoever asks for the answer.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from faultlab.strangers import diary
from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.rabbit_house import publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka", "confluent-kafka")
COUNT, LIMIT = 18, 20_000
LARGE = {3, 9, 10}


def play(books: Books, library: str, faulty: bool) -> None:
    queue, topic = books.queue(), books.topic(1, **{"max.message.bytes": str(LIMIT)})
    with books.running("archive", archive, library, queue, topic, faulty) as service:
        books.run("scanner", scanner, queue)
        books.wait("done", COUNT)
        books.stop(service)
    books.close_queue(queue)
    books.close_topic(topic)
    stored = {line["event"] for line in diary.read(books.file) if line["what"] == "stored"}
    refused = {f"page-{number}" for number in range(COUNT)} - stored
    # A client refuses a large one alone; the broker refuses all of its batch.
    assert refused >= {f"page-{number}" for number in LARGE} if faulty else not refused
    for event in sorted(refused):
        books.note("refused", event=event, who="archive", to=topic)
    books.note("archive", to=topic)  # nobody reads it but auditors


def scanner(queue: str) -> None:
    pages = [{"id": f"scan-{n}", "dots": "x" * (60_000 if n in LARGE else 900 + n)} for n in range(COUNT)]
    publish("aio-pika", queue, pages)


class Press:
    """Makes a page of a scan."""

    def __init__(self, largest: int | None) -> None:
        self.largest = largest

    def page(self, scan: dict[str, Any]) -> dict[str, Any]:
        return {"id": scan["id"].replace("scan", "page"), "dots": scan["dots"][: self.largest]}


def _archive_broker(library: str) -> Any:
    if library == "aiokafka":
        from faststream.kafka import KafkaBroker

        return KafkaBroker(kafka())
    from faststream.confluent import KafkaBroker as ConfluentBroker

    return ConfluentBroker(kafka())


def archive(library: str, queue: str, topic: str, faulty: bool) -> None:
    from faststream import AckPolicy, FastStream
    from faststream.rabbit import RabbitBroker, RabbitMessage, RabbitQueue

    rabbit, store, press = RabbitBroker(url()), _archive_broker(library), Press(None if faulty else LIMIT // 2)

    async def on_scan(scan: dict[str, Any], message: RabbitMessage) -> None:
        note("began", scan["id"], message.raw_message)
        await store.publish(press.page(scan), topic, no_confirm=True)
        note("done", scan["id"], message.raw_message)

    on_scan.__annotations__ = {"scan": dict, "message": RabbitMessage, "return": None}
    rabbit.subscriber(RabbitQueue(queue, durable=True), ack_policy=AckPolicy.NACK_ON_ERROR)(on_scan)

    async def open_store() -> None:
        await store.connect()

    async def close_store() -> None:
        await store.stop()

    asyncio.run(FastStream(rabbit, on_startup=[open_store], after_shutdown=[close_store]).run())
