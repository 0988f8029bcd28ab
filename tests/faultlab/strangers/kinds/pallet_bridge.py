"""A bridge from RabbitMQ to Kafka logs what the broker refuses, and acknowledges; its twin has a topic for large ones.

Mixed pallets have long lists, and the topic takes small messages only. The twin sends a list that is refused once more,
to a topic that takes it.

Shown by: the send span to the topic has the broker's error (EDA101), within a process span that has the event
`eda.process.error_logged`, and whose message was acknowledged (EDA104, a SUSPECT).
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

from faultlab.strangers import kafka_house, rabbit_house
from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import connect, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "aiokafka")
GROUP, COUNT, MIXED, SMALL = "yard", 30, {3, 8, 21}, 20_000
log = logging.getLogger("bridge")


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    topic, large = books.topic(1, **{"max.message.bytes": str(SMALL)}), books.topic(1)
    by = {"kafka-python": by_kafka_python, "aiokafka": by_aiokafka}[library]
    with books.running("pallet-bridge", by, queue, topic, None if faulty else large) as bridge:
        books.run("scales", scales, library, queue)
        books.wait("settled", COUNT)
        books.stop(bridge)
    books.run("yard", yard, library, topic)
    if not faulty:
        books.run("yard", yard, library, large)
        books.close_topic(large, GROUP)
    books.close_topic(topic, GROUP)
    books.close_queue(queue)
    assert books.count("refused") == len(MIXED)


def scales(library: str, queue: str) -> None:
    pallets = [{"id": f"pallet-{n}", "boxes": ["box"] * (8000 if n in MIXED else 40)} for n in range(COUNT)]
    rabbit_house.publish("pika" if library == "kafka-python" else "aio-pika", queue, pallets)


def encoded(pallet: dict[str, Any]) -> bytes:
    """Make the yard's list of a pallet."""
    return json.dumps({"id": pallet["id"].replace("pallet", "list"), "boxes": pallet["boxes"]}).encode()


def by_kafka_python(queue: str, topic: str, large: str | None) -> None:
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

    stop, connection = Stop(), connect()
    # As it was before version 3: an idempotent producer gives up all that comes after one that is refused.
    producer = KafkaProducer(bootstrap_servers=kafka(), acks="all", enable_idempotence=False)
    channel = connection.channel()
    channel.basic_qos(prefetch_count=5)

    def send(to: str, pallet: dict[str, Any]) -> None:
        name = pallet["id"].replace("pallet", "list")
        note("sent", name, to=to)
        try:
            producer.send(to, encoded(pallet), key=pallet["id"].encode()).get(30)
        except KafkaError:
            note("refused", name, to=to)
            raise

    def on_pallet(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        pallet = json.loads(body)
        note("began", pallet["id"], properties)
        try:
            send(topic, pallet)
        except KafkaError:
            if large is None:
                log.exception("cannot pass on %s", pallet["id"])
                note("failed", pallet["id"], properties)
                note("logged", pallet["id"], properties)
            else:
                send(large, pallet)
                note("done", pallet["id"], properties)
        else:
            note("done", pallet["id"], properties)
        ch.basic_ack(method.delivery_tag)
        note("settled", pallet["id"])

    channel.basic_consume(queue, on_pallet)
    while not stop.asked:
        connection.process_data_events(time_limit=0.2)
    connection.close()
    producer.close()


class Lists:
    """Sends the yard's lists by aiokafka."""

    def __init__(self, producer: Any, topic: str, large: str | None) -> None:
        self.producer, self.topic, self.large = producer, topic, large

    async def send(self, to: str, pallet: dict[str, Any]) -> None:
        from aiokafka.errors import KafkaError

        name = pallet["id"].replace("pallet", "list")
        note("sent", name, to=to)
        try:
            await self.producer.send_and_wait(to, encoded(pallet), key=pallet["id"].encode())
        except KafkaError:
            note("refused", name, to=to)
            raise

    async def pass_on(self, pallet: dict[str, Any], message: Any) -> None:
        from aiokafka.errors import KafkaError

        note("began", pallet["id"], message)
        try:
            await self.send(self.topic, pallet)
        except KafkaError:
            if self.large is None:
                log.exception("cannot pass on %s", pallet["id"])
                note("failed", pallet["id"], message)
                note("logged", pallet["id"], message)
                return
            await self.send(self.large, pallet)
        note("done", pallet["id"], message)


def by_aiokafka(queue: str, topic: str, large: str | None) -> None:
    async def main() -> None:
        import aio_pika
        from aiokafka import AIOKafkaProducer

        stop = Stop()
        async with (
            AIOKafkaProducer(bootstrap_servers=kafka()) as producer,
            await aio_pika.connect_robust(url()) as connection,
        ):
            lists = Lists(producer, topic, large)
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=5)
            source = await channel.get_queue(queue)

            async def on_pallet(message: Any) -> None:
                async with message.process():
                    pallet = json.loads(message.body)
                    await lists.pass_on(pallet, message)
                note("settled", pallet["id"])

            tag = await source.consume(on_pallet)
            while not stop.asked:
                await asyncio.sleep(0.1)
            await source.cancel(tag)

    asyncio.run(main())


def yard(library: str, topic: str) -> None:
    def unload(boxes: dict[str, Any], message: Any) -> None:
        note("began", boxes["id"], message, group=GROUP)
        note("done", boxes["id"], message, group=GROUP)

    kafka_house.work(library, topic, GROUP, unload)
