"""A Faust app commits once in a minute, and is killed: the next one adds all points once more; its twin commits often.

Shown by: the process spans of the first process and those of the second have the same offsets in one group, all without
an error, and no commit lies between (EDA202). In the twin the commits do.
"""

from __future__ import annotations

import asyncio
import time
import warnings
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, publish

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("faust-streaming",)
FIRST, MORE = 30, 10


def play(books: Books, library: str, faulty: bool) -> None:
    topic, group = books.topic(1), f"points-{'a' if faulty else 'b'}"
    folder, pause = str(books.file.with_suffix(".faust")), 60.0 if faulty else 0.3
    books.run("tills", tills, topic, 0, FIRST)
    with books.running("points", points, topic, group, folder, pause) as one:
        books.wait("done", FIRST)
        time.sleep(3)  # nobody buys anything, and then the machine goes away
        books.kill("points", one)
    with books.running("points", points, topic, group, folder, pause) as two:
        books.run("tills", tills, topic, FIRST, FIRST + MORE)
        books.wait("done", FIRST * 2 + MORE if faulty else FIRST + MORE)
        time.sleep(2)
        books.stop(two)
    books.close_topic(topic, group)


def tills(topic: str, first: int, last: int) -> None:
    publish("aiokafka", topic, [{"id": f"receipt-{n}", "card": n % 4, "points": n} for n in range(first, last)])


def points(topic: str, group: str, folder: str, pause: float) -> None:
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
            broker_commit_interval=pause,
            broker_commit_every=100_000,
            broker_session_timeout=10,
            broker_heartbeat_interval=1,
            loop=asyncio.get_running_loop(),
        )
        cards: dict[int, int] = defaultdict(int)

        @app.agent(app.topic(topic, value_serializer="json"))
        async def add(stream: Any) -> None:
            async for event in stream.events():
                receipt = event.value
                note("began", receipt["id"], event.message, group=group)
                await asyncio.sleep(0.01)
                cards[receipt["card"]] += receipt["points"]
                note("done", receipt["id"], event.message, group=group)

        await app.start()
        stop = Stop()
        while not stop.asked:
            await asyncio.sleep(0.2)
        await app.stop()

    asyncio.run(main())
