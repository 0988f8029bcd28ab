"""A geocoder gathers the work on each batch and commits: nobody looks at the results, or they are looked through."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import aio, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka",)
GROUP = "geocoder"


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(2)
    books.run("addresses", addresses, library, topic)
    books.run("geocoder", geocoder, topic, faulty)
    books.close_topic(topic, GROUP)


def addresses(library: str, topic: str) -> None:
    publish(library, topic, [{"id": f"addr-{n}", "street": "" if n in {9, 31} else f"Street {n}"} for n in range(50)])


class Map:
    """Finds places; an address without a street is found by its town, if anybody asks for that."""

    async def find(self, record: Any, by_town: bool = False) -> None:
        address = value(record)
        note("began", address["id"], record, group=GROUP)
        await asyncio.sleep(0.01)
        if not address["street"] and not by_town:
            note("failed", address["id"], record, group=GROUP)
            raise ValueError(f"no street in {address['id']}")
        note("done", address["id"], record, group=GROUP)


def geocoder(topic: str, faulty: bool) -> None:
    async def main() -> None:
        places, empty = Map(), 0
        async with aio(topic, GROUP) as consumer:
            while empty < 8:
                found = await consumer.getmany(timeout_ms=500, max_records=12)
                empty = 0 if found else empty + 1
                for records in found.values():
                    results = await asyncio.gather(*map(places.find, records), return_exceptions=True)
                    if not faulty:
                        for record, result in zip(list(records), results, strict=True):
                            if isinstance(result, ValueError):
                                await places.find(record, by_town=True)
                    await consumer.commit()

    asyncio.run(main())
