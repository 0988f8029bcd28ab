"""A search index is down for most of a run, and the indexer skips what it cannot index; or it tries again."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import aio, publish

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka",)
GROUP = "search-index"
log = logging.getLogger("search-index")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(2)
    books.run("wiki", wiki, library, topic)
    books.run("search-index", index, topic, faulty)
    books.close_topic(topic, GROUP)


def wiki(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"page-{n}", "title": f"Page {n}"} for n in range(40)])


class Search:
    """A search index that answers the first calls, and then no more for a while, or only now and then not."""

    def __init__(self, faulty: bool) -> None:
        self.faulty, self.calls = faulty, 0

    async def put(self, page: dict[str, Any]) -> None:
        self.calls += 1
        await asyncio.sleep(0.01)
        if (8 < self.calls < 40) if self.faulty else self.calls % 10 == 5:
            raise ConnectionError(f"no answer about {page['id']}")


def index(topic: str, faulty: bool) -> None:
    search = Search(faulty)

    async def handle(page: dict[str, Any], message: Any) -> None:
        note("began", page["id"], message, group=GROUP)
        while True:
            try:
                await search.put(page)
            except ConnectionError:
                if not faulty:
                    continue
                note("failed", page["id"], message, group=GROUP)
                note("logged", page["id"], message, group=GROUP)
                log.exception("skipped %s", page["id"])
                return
            note("done", page["id"], message, group=GROUP)
            return

    async def main() -> None:
        async with aio(topic, GROUP) as consumer:
            try:
                while True:
                    message = await asyncio.wait_for(consumer.getone(), 4)
                    await handle(json.loads(message.value), message)
                    await consumer.commit()
            except asyncio.TimeoutError:
                pass

    asyncio.run(main())
