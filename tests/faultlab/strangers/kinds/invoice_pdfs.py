"""PDFs of invoices are committed every twenty, and a second replica joins: a part is rendered and mailed once more.

Each replica has a loop over its messages and counts to twenty. When its partitions are taken away, what it has done
since its last commit is not committed. The twin commits what it has done when its partitions are taken away.

Shown by: two process spans of one offset in one group, both without an error, with the log events
`eda.consumer.revoked` and `eda.consumer.assigned` between them (EDA202).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faultlab.strangers import diary
from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, confluent, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka", "aiokafka")
GROUP, COUNT, EVERY, QUIET = "invoice-pdfs", 110, 20, 12.0
log = logging.getLogger("invoices")


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(2)
    replica = REPLICAS[library]
    gate = books.file.with_suffix(".gate")
    books.run("billing", billing, topic)
    with books.running("invoice-pdfs", scaled, library, topic, faulty, str(gate)) as two:
        books.wait("up", 1)
        with books.running("invoice-pdfs", replica, topic, faulty) as one:
            books.wait("done", 10)
            gate.touch()
            quiet(books)
            books.stop(one)
            quiet(books)
            books.stop(two)
    assert len({line["pid"] for line in diary.read(books.file) if line["what"] == "began"}) == 2
    again = books.count("done") - COUNT
    assert again > 0 if faulty else again == 0, again
    books.close_topic(topic, GROUP)


def quiet(books: Books) -> None:
    """Wait until all has been done, and nothing more for a while."""
    seen, since, end = 0, time.monotonic(), time.monotonic() + 180
    while time.monotonic() < end and (time.monotonic() - since < QUIET or seen < COUNT):
        if (count := books.count("done")) > seen:
            seen, since = count, time.monotonic()
        time.sleep(0.3)


def billing(topic: str) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": kafka(), "linger.ms": 5})
    for number in range(COUNT):
        note("sent", f"invoice-{number}", to=topic)
        producer.produce(topic, f'{{"id": "invoice-{number}"}}', f"customer-{number}", partition=number % 2)
    producer.flush(60)


class Printer:
    """Renders and mails invoices."""

    def __init__(self) -> None:
        self.since = 0

    def render(self, message: Any) -> bool:
        """Render one, and tell whether it is time to commit."""
        name = value(message)["id"]
        note("began", name, message, group=GROUP, pid=os.getpid())
        time.sleep(0.08)
        note("done", name, message, group=GROUP, pid=os.getpid())
        self.since += 1
        if self.since < EVERY:
            return False
        self.since = 0
        return True


def by_confluent(topic: str, faulty: bool) -> None:
    from confluent_kafka import KafkaException

    stop, printer, consumer = Stop(), Printer(), confluent(topic, GROUP)

    def on_revoke(_: Any, partitions: Any) -> None:
        with contextlib.suppress(KafkaException):  # nothing was done since the last commit
            consumer.commit(asynchronous=False)
        printer.since = 0

    if not faulty:
        consumer.subscribe([topic], on_revoke=on_revoke)
    while not stop.asked:
        message = consumer.poll(0.3)
        if message is None or message.error():
            continue
        if printer.render(message):
            try:
                consumer.commit(asynchronous=False)
            except KafkaException as error:
                log.warning("could not commit: %s", error)
    consumer.close()


def by_aiokafka(topic: str, faulty: bool) -> None:
    asyncio.run(Replica(topic, faulty).run())


class Replica:
    """A replica on asyncio, which renders in a thread."""

    def __init__(self, topic: str, faulty: bool) -> None:
        self.topic, self.faulty = topic, faulty
        self.printer = Printer()

    async def run(self) -> None:
        from aiokafka import AIOKafkaConsumer

        stop = Stop()
        self.consumer = AIOKafkaConsumer(
            bootstrap_servers=kafka(),
            group_id=GROUP,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            heartbeat_interval_ms=500,
        )
        self.consumer.subscribe([self.topic], listener=None if self.faulty else self.committing())
        await self.consumer.start()
        while not stop.asked:
            try:
                message = await asyncio.wait_for(self.consumer.getone(), 0.5)
            except asyncio.TimeoutError:
                continue
            if await asyncio.to_thread(self.printer.render, message):
                await self.commit()
        if not self.faulty:
            await self.commit()
        await self.consumer.stop()

    async def commit(self) -> None:
        from aiokafka.errors import KafkaError

        try:
            await self.consumer.commit()
        except KafkaError as error:
            log.warning("could not commit: %s", error)

    def committing(self) -> Any:
        """Give a listener that commits what was done of what is taken away."""
        from aiokafka import ConsumerRebalanceListener

        replica = self

        class Committing(ConsumerRebalanceListener):  # type: ignore[misc]
            async def on_partitions_revoked(self, revoked: set[Any]) -> None:
                if revoked:
                    await replica.commit()

            async def on_partitions_assigned(self, assigned: set[Any]) -> None:
                """Go on where the group is."""

        return Committing()


REPLICAS = {"confluent-kafka": by_confluent, "aiokafka": by_aiokafka}


def scaled(library: str, topic: str, faulty: bool, gate: str) -> None:
    """Be the second replica, which begins when there is much to do."""
    note("up")
    while not Path(gate).exists():
        time.sleep(0.05)
    REPLICAS[library](topic, faulty)
