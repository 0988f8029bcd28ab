"""Tasks work on each batch: one failure cancels the others, which nobody does again; or each tries again itself."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import aio, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka",)
GROUP = "resizer"
log = logging.getLogger("resizer")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    books.run("photos", photos, library, topic)
    books.run("resizer", resizer, topic, faulty)
    books.close_topic(topic, GROUP)


def photos(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"photo-{n}", "format": "raw" if n == 13 else "jpeg"} for n in range(40)])


class Codec:
    """Resizes photos; the raw one needs a plugin, which is loaded after the first failure."""

    def __init__(self) -> None:
        self.plugin = False

    async def resize(self, record: Any) -> None:
        photo = value(record)
        note("began", photo["id"], record, group=GROUP)
        await asyncio.sleep(0.005 if photo["format"] == "raw" else 0.02)
        if photo["format"] == "raw" and not self.plugin:
            self.plugin = True
            note("failed", photo["id"], record, group=GROUP)
            raise RuntimeError("no plugin for raw")
        note("done", photo["id"], record, group=GROUP)

    async def patiently(self, record: Any) -> None:
        try:
            await self.resize(record)
        except RuntimeError:
            await self.resize(record)


def resizer(topic: str, faulty: bool) -> None:
    codec = Codec()
    resize = codec.resize if faulty else codec.patiently

    async def main() -> None:
        empty = 0
        async with aio(topic, GROUP) as consumer:
            while empty < 8:
                found = await consumer.getmany(timeout_ms=500, max_records=8)
                empty = 0 if found else empty + 1
                for records in found.values():
                    tasks = [asyncio.create_task(resize(record)) for record in records]
                    ended, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
                    for task in rest:
                        task.cancel()
                    if any(task.exception() for task in ended):
                        log.warning("a batch was not resized as a whole")
                    await consumer.commit()

    asyncio.run(main())
