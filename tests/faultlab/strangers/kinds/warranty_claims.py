"""A FastStream service acknowledges by hand, but not in one branch: a deploy repeats those; its twin does it late.

What shows it: of such a message there is a process span without an error and no settle span. After the restart there is
another process span of it, which says that it was delivered again (EDA202).
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note, where
from faultlab.strangers.rabbit_house import publish, url

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aio-pika",)
COUNT, GOODWILL = 20, {4, 9, 14}


def play(books: Books, library: str, faulty: bool) -> None:
    queue = books.queue()
    with books.running("warranty", warranty, queue, faulty) as before:
        books.run("web-form", web_form, library, queue)
        books.wait("done", COUNT)
        books.wait("acked-claim", COUNT - len(GOODWILL) if faulty else COUNT)
        time.sleep(1)
        books.stop(before)
    with books.running("warranty", warranty, queue, faulty) as after:
        books.wait("up", 2)
        books.wait("done", COUNT + len(GOODWILL) if faulty else COUNT)
        time.sleep(1)
        books.stop(after)
    assert books.count("done") == (COUNT + len(GOODWILL) if faulty else COUNT)


def web_form(library: str, queue: str) -> None:
    claims = [{"id": f"claim-{n}", "kind": "goodwill" if n in GOODWILL else "warranty"} for n in range(COUNT)]
    publish(library, queue, claims)


class Claims:
    """Decides on claims, and acknowledges each where its branch ends."""

    def __init__(self, forgetful: bool) -> None:
        self.forgetful = forgetful
        self.late: set[asyncio.Task[None]] = set()

    async def decide(self, claim: dict[str, Any], message: Any) -> None:
        at = {"trace_id": where(message.raw_message)["created"].partition("-")[0]}
        note("began", claim["id"], at=at)
        await asyncio.sleep(0.02)
        note("done", claim["id"], at=at)
        if claim["kind"] == "goodwill":
            if not self.forgetful:
                task = asyncio.create_task(self.acknowledge(claim, message))
                self.late.add(task)
                task.add_done_callback(self.late.discard)
            return
        await message.ack()
        note("acked-claim", claim["id"])

    async def acknowledge(self, claim: dict[str, Any], message: Any) -> None:
        await asyncio.sleep(0.3)
        await message.ack()
        note("acked-claim", claim["id"])


def warranty(queue: str, faulty: bool) -> None:
    from faststream import AckPolicy, FastStream
    from faststream.rabbit import RabbitBroker, RabbitMessage, RabbitQueue

    broker, claims = RabbitBroker(url()), Claims(faulty)

    async def on_claim(event: dict[str, Any], message: RabbitMessage) -> None:
        await claims.decide(event, message)

    async def started() -> None:
        note("up")

    on_claim.__annotations__ = {"event": dict, "message": RabbitMessage, "return": None}
    broker.subscriber(RabbitQueue(queue, durable=True), ack_policy=AckPolicy.MANUAL)(on_claim)
    asyncio.run(FastStream(broker, after_startup=[started]).run())
