"""A bridge without telemetry takes levels from Kafka to RabbitMQ, where a reader acknowledges in a `finally`; or not.

A gauge that is under repair sends words. The faulty reader acknowledges what it fails at. The twin puts it back once,
and has learnt the words by then.

Shown by: the process span of such a level has `error.type`, and around the same span's answer `ack` (EDA104, a SUSPECT,
as a message without a context would not be known if it came again). The topic has no reader with telemetry (EDA107 may
say so).
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from typing import TYPE_CHECKING, Any

from faultlab.strangers import kafka_house
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import LIBRARIES, connect, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
GROUP, COUNT, REPAIR = "river-bridge", 30, {4, 9, 21}
DARK = {"OTEL_SDK_DISABLED": "true"}
log = logging.getLogger("levels")


def play(books: Books, library: str, faulty: bool) -> None:
    topic, queue = books.topic(1), books.queue()
    program = {"pika": by_pika, "aio-pika": by_aio_pika}[library]
    with books.running("levels", program, queue, faulty) as levels:
        books.run("gauges", gauges, topic)
        books.run("river-bridge", bridge, topic, queue, environ=DARK)
        books.wait("entered", COUNT - len(REPAIR) if faulty else COUNT)
        books.wait("failed", len(REPAIR))
        books.stop(levels)
    books.close_queue(queue)
    books.note("may", code="EDA107", where={"within": topic})  # its reader has no telemetry
    if faulty:
        books.note("must", code="EDA104", least="SUSPECT", where={"within": queue})


def gauges(topic: str) -> None:
    kafka_house.publish(
        "aiokafka", topic, [{"id": f"level-{n}", "cm": "low" if n in REPAIR else 180 + n} for n in range(COUNT)]
    )


def bridge(topic: str, queue: str) -> None:
    connection = connect()
    channel = connection.channel()
    channel.confirm_delivery()

    def pass_on(level: dict[str, Any], _: Any) -> None:
        channel.basic_publish("", queue, json.dumps(level).encode())

    kafka_house.work("kafka-python", topic, GROUP, pass_on)
    connection.close()


class Levels:
    """Enters levels; what it has failed at once it may know later."""

    def __init__(self, learns: bool) -> None:
        self.learns = learns
        self.words: dict[str, int] = {}

    def enter(self, level: dict[str, Any]) -> None:
        note("began", level["id"])
        try:
            cm = int(self.words.get(level["id"], level["cm"]))
        except ValueError:
            note("failed", level["id"])
            raise
        log.debug("%s cm", cm)
        note("entered", level["id"])

    def learn(self, level: dict[str, Any]) -> None:
        if self.learns:
            self.words[level["id"]] = 40


def by_pika(queue: str, faulty: bool) -> None:
    stop, levels, connection = Stop(), Levels(not faulty), connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=1)

    def acknowledging(ch: Any, method: Any, _: Any, body: bytes) -> None:
        try:
            levels.enter(json.loads(body))
        finally:
            ch.basic_ack(method.delivery_tag)

    def putting_back(ch: Any, method: Any, _: Any, body: bytes) -> None:
        try:
            levels.enter(json.loads(body))
        except ValueError:
            ch.basic_nack(method.delivery_tag, requeue=True)
            levels.learn(json.loads(body))
        else:
            ch.basic_ack(method.delivery_tag)

    channel.basic_consume(queue, acknowledging if faulty else putting_back)
    while not stop.asked:
        try:
            connection.process_data_events(time_limit=0.2)
        except ValueError as error:
            log.warning("not entered: %s", error)
    connection.close()


def by_aio_pika(queue: str, faulty: bool) -> None:
    levels = Levels(not faulty)

    async def acknowledging(message: Any) -> None:
        try:
            levels.enter(json.loads(message.body))
        finally:
            await message.ack()

    async def putting_back(message: Any) -> None:
        try:
            levels.enter(json.loads(message.body))
        except ValueError:
            levels.learn(json.loads(message.body))
            await message.nack(requeue=True)
        else:
            await message.ack()

    async def main() -> None:
        import aio_pika

        stopping = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=1)
            source = await channel.get_queue(queue)
            tag = await source.consume(acknowledging if faulty else putting_back)
            await stopping.wait()
            await source.cancel(tag)

    asyncio.run(main())
