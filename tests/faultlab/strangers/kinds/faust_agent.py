"""An agent of Faust's crashes at some orders, which are acknowledged all the same; its twin puts them right first."""

from __future__ import annotations

import asyncio
import warnings
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, publish

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("faust-streaming",)
APP = "discounts"


def play(books: Books, library: str, faulty: bool) -> None:
    topic, group = books.topic(1), f"{APP}-{'a' if faulty else 'b'}"
    books.run("shop", shop, topic)
    with books.running(APP, discounts, topic, group, str(books.file.with_suffix(".faust")), faulty) as app:
        books.wait("began", 30)
        books.wait("still-here", 1)
        books.stop(app)
    books.close_topic(topic, group)


def shop(topic: str) -> None:
    orders = [{"id": f"order-{n}", "code": None if n in {6, 21} else f"WINTER{n}"} for n in range(30)]
    publish("aiokafka", topic, orders)


def discounts(topic: str, group: str, folder: str, faulty: bool) -> None:
    warnings.simplefilter("ignore", DeprecationWarning)
    import faust

    async def main() -> None:
        app = faust.App(
            group,
            broker=f"kafka://{kafka()}",
            datadir=folder,
            web_enabled=False,
            topic_disable_leader=True,
            reply_create_topic=False,
            consumer_auto_offset_reset="earliest",
            broker_commit_interval=0.3,
            loop=asyncio.get_running_loop(),
        )

        @app.agent(app.topic(topic, value_serializer="json"))
        async def apply(stream: Any) -> None:
            async for event in stream.events():
                order = event.value
                note("began", order["id"], event.message, group=group)
                await asyncio.sleep(0.02)
                if order["code"] is None and faulty:
                    note("logged", order["id"], event.message, group=group)  # Faust logs it, and starts the agent anew
                code = order["code"] if faulty else order["code"] or ""
                code.lower()
                note("done", order["id"], event.message, group=group)

        await app.start()
        stop, turns = Stop(), 0
        while not stop.asked:
            await asyncio.sleep(0.2)
            turns += 1
            if turns == 20:
                note("still-here")
        await app.stop()

    asyncio.run(main())
