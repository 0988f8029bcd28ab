"""A service's task that consumes dies of a locked database, and the service stays up; its twin begins it anew."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, aio, kafka_python, publish, value

if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlab.strangers.books import Books

LIBRARIES = ("aiokafka", "kafka-python")
GROUP = "stock"
log = logging.getLogger("stock")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(1)
    program = on_a_loop if library == "aiokafka" else in_a_thread
    with books.running("stock", program, topic, str(books.file.with_suffix(".stock")), faulty) as stock:
        books.wait("ready", 1)
        books.run("shop", shop, library, topic, 0, 40)
        books.run("shop", shop, library, topic, 40, 80)
        time.sleep(2)
        if not faulty:
            books.wait("done", 80)
        books.stop(stock)
    books.close_topic(topic, GROUP)
    if faulty:
        books.note("must", code="EDA504", where={"group": GROUP, "destination": topic})


def shop(library: str, topic: str, first: int, last: int) -> None:
    def sales() -> Any:
        for number in range(first, last):
            time.sleep(0.05)
            yield {"id": f"sale-{number}", "sku": f"sku-{number % 5}", "quantity": 1}

    for sale in sales():
        publish(library, topic, [sale], key="sku")


class Stock:
    """How much of everything there is; somebody else's migration locks it once."""

    def __init__(self, database: str) -> None:
        self.db = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
        self.db.execute("CREATE TABLE stock (sku TEXT PRIMARY KEY, quantity INTEGER)")
        self.taken = 0

    def take(self, message: Any) -> None:
        sale = value(message)
        note("began", sale["id"], message, group=GROUP)
        self.taken += 1
        if self.taken == 25:
            note("failed", sale["id"], message, group=GROUP)
            raise sqlite3.OperationalError("database is locked")
        statement = "INSERT INTO stock VALUES (?, ?) ON CONFLICT (sku) DO UPDATE SET quantity = quantity - ?"
        self.db.execute(statement, [sale["sku"], 100, sale["quantity"]])
        note("done", sale["id"], message, group=GROUP)


def on_a_loop(topic: str, database: str, faulty: bool) -> None:
    stock = Stock(database)

    async def consume() -> None:
        async with aio(topic, GROUP) as consumer:
            note("ready")
            async for message in consumer:
                stock.take(message)
                await consumer.commit()

    async def supervised() -> None:
        while True:
            try:
                await consume()
            except sqlite3.Error:
                log.exception("consuming ended, it begins anew")
                await asyncio.sleep(0.5)

    async def main() -> None:
        stop = Stop()
        task = asyncio.create_task(consume() if faulty else supervised())
        while not stop.asked:
            await asyncio.sleep(0.2)  # the service answers its requests
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())


def in_a_thread(topic: str, database: str, faulty: bool) -> None:
    stop, stock = Stop(), Stock(database)

    def consume() -> None:
        with closing(kafka_python(topic, GROUP, consumer_timeout_ms=300)) as consumer:
            note("ready")
            while not stop.asked:
                for message in consumer:
                    stock.take(message)
                    consumer.commit()

    thread = threading.Thread(target=consume if faulty else lambda: keep_up(stop, consume), name="stock-consumer")
    thread.start()
    while not stop.asked:
        time.sleep(0.2)  # the service answers its requests
    thread.join(5)


def keep_up(stop: Stop, consume: Callable[[], None]) -> None:
    while not stop.asked:
        try:
            consume()
        except sqlite3.Error:
            log.exception("consuming ended, it begins anew")
            time.sleep(0.5)
