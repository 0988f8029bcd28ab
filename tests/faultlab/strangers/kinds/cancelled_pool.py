"""A reader fills a pool of threads and is deployed: what waits in the pool is cancelled, or worked off before the end.

Shown by: the process spans of what waited have `eda.process.abandoned`, as nobody worked on them; the positions that
the close commits (`eda.consumer.position`, `eda.commits`) are past them, and the next process begins behind them.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, confluent, kafka_python, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("kafka-python", "confluent-kafka")
GROUP = "previews"
MORE: dict[str, Any] = {"session.timeout.ms": 20_000}
COUNT = 60


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    books.run("uploads", uploads, library, topic, 0)
    with books.running("previews", previews, library, topic, faulty) as old:
        books.wait("done", 8)
        books.stop(old)
    with books.running("previews", previews, library, topic, faulty) as new:
        before = books.count("done")
        books.run("uploads", uploads, library, topic, COUNT)
        books.wait("done", before + 4)
        books.stop(new)
    books.close_topic(topic, GROUP)


def uploads(library: str, topic: str, first: int) -> None:
    publish(library, topic, [{"id": f"pdf-{first + n}", "pages": n % 9} for n in range(COUNT if first == 0 else 4)])


def preview(message: Any) -> None:
    name = value(message)["id"]
    note("began", name, message, group=GROUP)
    time.sleep(0.3)
    note("done", name, message, group=GROUP)


def previews(library: str, topic: str, faulty: bool) -> None:
    stop, pool = Stop(), ThreadPoolExecutor(4)
    if library == "kafka-python":
        consumer = kafka_python(topic, GROUP, auto=True, session_timeout_ms=20_000, consumer_timeout_ms=300)
        while not stop.asked:
            for record in consumer:
                pool.submit(preview, record)
                if stop.asked:
                    break
    else:
        consumer = confluent(topic, GROUP, auto=True, **MORE)
        while not stop.asked:
            message = consumer.poll(0.3)
            if message is not None and message.error() is None:
                pool.submit(preview, message)
    # Kubernetes waits for thirty seconds.
    pool.shutdown(cancel_futures=faulty)
    consumer.close()
