"""A notifier starts a task for each message: in the faulty one nobody looks at how it ends; its twin gathers them."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import aio, publish
from faultlab.strangers.rabbit_house import publish as publish_by_rabbit
from faultlab.strangers.rabbit_house import url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka", "aio-pika")
GROUP = "notifier"
log = logging.getLogger("notifier")


def play(books: Books, library: str, faulty: bool) -> None:
    if library == "aiokafka":
        topic = books.topic(1)
        books.run("calendar", calendar, topic)
        books.run("notifier", by_aiokafka, topic, faulty)
        books.close_topic(topic, GROUP)
    else:
        queue = books.queue()
        books.run("calendar", calendar_by_rabbit, queue)
        books.run("notifier", by_aio_pika, queue, faulty)
        books.close_queue(queue)


def events() -> list[dict[str, Any]]:
    return [{"id": f"n-{n}", "minutes": n % 3} for n in range(18)]


def calendar(topic: str) -> None:
    publish("aiokafka", topic, events())


def calendar_by_rabbit(queue: str) -> None:
    publish_by_rabbit("aio-pika", queue, events())


async def notify(event: dict[str, Any], message: Any, group: str | None, faulty: bool) -> None:
    note("began", event["id"], message, group=group)
    await asyncio.sleep(0.02 * (event["minutes"] + 1))
    if faulty and event["id"] in {"n-5", "n-12"}:
        note("failed", event["id"], message, group=group)
        raise ConnectionError("the push gateway hung up")
    note("done", event["id"], message, group=group)


def by_aiokafka(topic: str, faulty: bool) -> None:
    async def main() -> None:
        tasks = set()
        async with aio(topic, GROUP, auto=faulty) as consumer:
            while found := await consumer.getmany(timeout_ms=6000, max_records=6):
                for records in found.values():
                    for record in records:
                        task = asyncio.create_task(notify(json.loads(record.value), record, GROUP, faulty))
                        tasks.add(task)
                        task.add_done_callback(tasks.discard)
                if not faulty:
                    await asyncio.gather(*tasks)
                    await consumer.commit()

    asyncio.run(main())


def by_aio_pika(queue: str, faulty: bool) -> None:
    async def main() -> None:
        import aio_pika

        connection = await aio_pika.connect_robust(url())
        async with connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=6)

            async def on_message(message: Any) -> None:
                if faulty:
                    await message.ack()
                await notify(json.loads(message.body), message, None, faulty)
                if not faulty:
                    await message.ack()

            source = await channel.get_queue(queue)
            await source.consume(on_message)
            await asyncio.sleep(3)

    asyncio.run(main())
