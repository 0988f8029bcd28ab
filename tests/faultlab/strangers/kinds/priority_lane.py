"""A worker takes cancellations first, ahead of the orders that they cancel; or the customers with a contract first.

Shown by: the process spans of one key (`eda.message.key.hash`) begin in another order than that of their offsets, and
the later ones have `eda.message.out_of_order`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, aio, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka",)
GROUP = "kitchen"
ORDERS = 12


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    books.run("orders", orders, library, topic)
    with books.serving("kitchen", kitchen, topic, faulty):
        books.wait("done", 2 * ORDERS)
    books.close_topic(topic, GROUP)


def orders(library: str, topic: str) -> None:
    events = [
        {"id": f"{kind}-{n}", "kind": kind, "order": n, "contract": n % 3 == 0}
        for n in range(ORDERS)
        for kind in ("placed", "cancelled" if n % 2 else "paid")
    ]
    publish(library, topic, events, "order")


def by_kind(event: dict[str, Any]) -> int:
    return {"cancelled": 0, "paid": 1, "placed": 1}[event["kind"]]


def by_customer(event: dict[str, Any]) -> int:
    return 0 if event["contract"] else 1


def kitchen(topic: str, faulty: bool) -> None:
    asyncio.run(cook(topic, by_kind if faulty else by_customer))


async def cook(topic: str, priority: Any) -> None:
    stop: Stop = Stop()
    lane: asyncio.PriorityQueue[tuple[int, int, Any]] = asyncio.PriorityQueue()
    worker = asyncio.create_task(work(lane))
    async with aio(topic, GROUP) as consumer:
        while not stop.asked:
            found = await consumer.getmany(timeout_ms=300)
            for records in found.values():
                for record in records:
                    lane.put_nowait((priority(value(record)), record.offset, record))
            await lane.join()
            if found:
                await consumer.commit()
    worker.cancel()


async def work(lane: asyncio.PriorityQueue[tuple[int, int, Any]]) -> None:
    while True:
        _, _, record = await lane.get()
        event = value(record)
        note("began", event["id"], record, group=GROUP)
        await asyncio.sleep(0.05)
        note("done", event["id"], record, group=GROUP)
        lane.task_done()
