"""A pipeline of stages acknowledges a change of supplier before it stores it, and crashes at some; or stores it first.

Stages are objects in a list, and somebody has put `Acknowledge` before `Store`. A meter without a contract raises in
`Store`, which ends the consumer; its supervisor logs that and begins anew. The twin has the right order, and ends and
begins as often: what it has not acknowledged comes again, and the contract is there by then.

Shown by: the process span of such a change has the error, its ack span was before, and no later process span has a link
to its send (EDA104).
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop
from faultlab.strangers.rabbit_house import LIBRARIES, connect, publish, url

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from faultlab.strangers.books import Books

__all__ = ["LIBRARIES"]
COUNT, NEW = 40, {5, 17, 30}
log = logging.getLogger("switches")


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with books.serving("supplier-switch", {"pika": by_pika, "aio-pika": by_aio_pika}[library], queue, faulty):
        books.run("market", market, library, queue)
        books.wait("done", COUNT - len(NEW) if faulty else COUNT)
        books.wait("failed", len(NEW))
        time.sleep(1)
    books.close_queue(queue)


def market(library: str, queue: str) -> None:
    publish(library, queue, [{"id": f"switch-{n}", "meter": n} for n in range(COUNT)])


@dataclass
class Work:
    """One change on its way through the stages."""

    body: bytes
    message: Any
    acknowledge: Callable[[], Awaitable[Any] | None]
    change: dict[str, Any] = field(default_factory=dict)


class Decode:
    async def __call__(self, work: Work) -> None:
        work.change = json.loads(work.body)
        note("began", work.change["id"], work.message)


class Acknowledge:
    async def __call__(self, work: Work) -> None:
        pending = work.acknowledge()
        if pending is not None:
            await pending


class Store:
    """Writes a change to its contract; a new meter's contract comes a moment after its first change."""

    def __init__(self) -> None:
        self.asked: set[int] = set()

    async def __call__(self, work: Work) -> None:
        meter = work.change["meter"]
        first = meter not in self.asked
        self.asked.add(meter)
        if meter in NEW and first:
            note("failed", work.change["id"], work.message)
            raise LookupError(f"meter {meter} has no contract")
        await asyncio.sleep(0.02)
        note("done", work.change["id"], work.message)


class Pipeline:
    """Has a change go through all stages."""

    def __init__(self, acknowledges_first: bool) -> None:
        last: list[Callable[[Work], Awaitable[None]]] = (
            [Acknowledge(), Store()] if acknowledges_first else [Store(), Acknowledge()]
        )
        self.stages: list[Callable[[Work], Awaitable[None]]] = [Decode(), *last]

    async def run(self, work: Work) -> None:
        for stage in self.stages:
            await stage(work)


def by_pika(queue: str, faulty: bool) -> None:
    stop, pipeline = Stop(), Pipeline(faulty)
    while not stop.asked:
        try:
            _consume(queue, pipeline, stop)
        except LookupError:
            log.exception("the consumer has crashed, and begins anew")


def _consume(queue: str, pipeline: Pipeline, stop: Stop) -> None:
    connection = connect()
    channel = connection.channel()
    channel.basic_qos(prefetch_count=5)

    def on_change(ch: Any, method: Any, properties: Any, body: bytes) -> None:
        work = Work(body, properties, lambda: ch.basic_ack(method.delivery_tag))
        asyncio.run(pipeline.run(work))

    channel.basic_consume(queue, on_change)
    try:
        while not stop.asked:
            connection.process_data_events(time_limit=0.2)
    finally:
        connection.close()


def by_aio_pika(queue: str, faulty: bool) -> None:
    pipeline = Pipeline(faulty)

    async def consume() -> None:
        import aio_pika

        async with await aio_pika.connect_robust(url()) as connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=5)
            source = await channel.get_queue(queue)
            async with source.iterator() as messages:
                async for message in messages:
                    await pipeline.run(Work(message.body, message, message.ack))

    async def supervise() -> None:
        while True:
            try:
                await consume()
            except LookupError:
                log.exception("the consumer has crashed, and begins anew")

    async def main() -> None:
        supervisor = asyncio.ensure_future(supervise())
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, supervisor.cancel)
        await asyncio.wait([supervisor])

    asyncio.run(main())
