"""A van's box sends its tours and looks at no answer, though its topic takes small messages only; or cuts them up.

Shown by: the send spans of the large messages, with the broker's refusal as their error (EDA101). In the twin such a
message is cut in two, each of which is taken, as it sees.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import value, work

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka", "kafka-python")
GROUP, COUNT, LONG_TOURS = "tour-book", 20, {2, 9, 13}
log = logging.getLogger("uplink")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1, **{"max.message.bytes": "4000"})
    books.run("van-box", {"aiokafka": by_aiokafka, "kafka-python": by_kafka_python}[library], topic, faulty)
    books.run("tour-book", book, library, topic)
    books.close_topic(topic, GROUP)


def tours(faulty: bool) -> list[tuple[str, bytes]]:
    """Give the tours; those that are too long are each in two pieces, if somebody has thought of it."""
    found = []
    for number in range(COUNT):
        points = [[53.5, 10.0 + n / 1000] for n in range(400 if number in LONG_TOURS else 40)]
        halves = [points] if faulty or number not in LONG_TOURS else [points[:200], points[200:]]
        for at, half in enumerate(halves):
            name = f"tour-{number}-{at}"
            found.append((name, json.dumps({"id": name, "points": half}, separators=(",", ":")).encode()))
    return found


def by_aiokafka(topic: str, faulty: bool) -> None:
    async def main() -> None:
        from aiokafka import AIOKafkaProducer

        async with AIOKafkaProducer(bootstrap_servers=kafka(), max_batch_size=1) as producer:
            for name, body in tours(faulty):
                note("sent", name, to=topic)
                future = await producer.send(topic, body, key=name.encode())
                future.add_done_callback(lambda done, name=name: answered(done.exception(), name, topic))
                await (asyncio.sleep(0.02) if faulty else future)

    asyncio.run(main())


def answered(error: BaseException | None, name: str, topic: str) -> None:
    """Keep the diary; the team itself looks at no answer."""
    if error is not None:
        note("refused", name, to=topic)


def by_kafka_python(topic: str, faulty: bool) -> None:
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=kafka(), batch_size=0)
    for name, body in tours(faulty):
        note("sent", name, to=topic)
        future = producer.send(topic, body, key=name.encode())
        future.add_errback(lambda error, name=name: answered(error, name, topic))
        time.sleep(0.05) if faulty else future.get(30)
    producer.flush()
    producer.close()


def book(library: str, topic: str) -> None:
    def enter(_: dict[str, Any], message: Any) -> None:
        tour = value(message)
        note("began", tour["id"], message, group=GROUP)
        note("done", tour["id"], message, group=GROUP)

    work(library, topic, GROUP, enter)
