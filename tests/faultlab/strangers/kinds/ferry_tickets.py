"""A ticket office commits every hundred tickets, and a second replica comes in between: tickets are printed twice.

Each replica works in a pool of threads and commits what is through, from time to time. When the autoscaler adds a
replica, the group deals its partitions anew, and goes back to what was committed. The twin waits for its pool, and
commits, before it gives its partitions away.

Shown by: tickets that have two process spans without an error, of two processes or of one, with no commit past them in
between; the members' logs have the new assignment (EDA202).
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from faultlab.strangers.books import kafka
from faultlab.strangers.diary import note
from faultlab.strangers.kafka_house import Stop, confluent, publish, value

if TYPE_CHECKING:
    from faultlab.strangers.books import Books

LIBRARIES = ("confluent-kafka", "aiokafka")
GROUP, FIRST, MORE, EVERY = "ticket-office", 60, 60, 100
SESSION: dict[str, Any] = {"session.timeout.ms": 30_000}


def play(books: Books, library: str, faulty: bool) -> None:
    topic = books.topic(2)
    office = {"confluent-kafka": by_confluent, "aiokafka": by_aiokafka}[library]
    with books.serving("ticket-office", office, topic, faulty):
        books.wait("assigned", 1)
        books.run("web-shop", web_shop, library, topic, 0, FIRST)
        books.wait("done", FIRST)
        with books.serving("ticket-office", office, topic, faulty):
            books.wait("assigned", 3)  # one has two partitions less one, and the other has it
            books.run("web-shop", web_shop, library, topic, FIRST, FIRST + MORE)
            books.wait("done", 2 * FIRST + MORE if faulty else FIRST + MORE)
            time.sleep(1)
    books.close_topic(topic, GROUP)


def web_shop(library: str, topic: str, first: int, last: int) -> None:
    publish(library, topic, [{"id": f"ticket-{n}", "cabin": n % 7} for n in range(first, last)])


class Office:
    """Prints tickets in a pool, and knows up to where all of a partition are printed."""

    def __init__(self, careful: bool) -> None:
        self.careful = careful
        self.pool = ThreadPoolExecutor(3, thread_name_prefix="printer")
        self.lock = threading.Lock()
        self.open: dict[tuple[int, int], Any] = {}
        self.last: dict[int, int] = {}
        self.count = 0

    def take(self, partition: int, offset: int, message: Any) -> None:
        with self.lock:
            self.last[partition] = offset
            self.open[partition, offset] = self.pool.submit(self.print, partition, offset, message)

    def print(self, partition: int, offset: int, message: Any) -> None:
        ticket = value(message)
        note("began", ticket["id"], message, group=GROUP, pid=os.getpid())
        time.sleep(0.03)
        note("done", ticket["id"], message, group=GROUP, pid=os.getpid())
        with self.lock:
            del self.open[partition, offset]
            self.count += 1

    def due(self) -> bool:
        """Tell whether it is time to commit."""
        if self.count < EVERY:
            return False
        self.count = 0
        return True

    def printed(self) -> dict[int, int]:
        """Give the next offset of each partition before which all tickets are printed."""
        with self.lock:
            waiting: dict[int, int] = {}
            for partition, offset in self.open:
                waiting[partition] = min(offset, waiting.get(partition, offset))
            return {partition: waiting.get(partition, last + 1) for partition, last in self.last.items()}

    def drain(self) -> dict[int, int]:
        """Wait for the pool, and give what is printed; forget it, as the partitions may go."""
        while self.open:
            time.sleep(0.01)
        found = self.printed()
        self.last.clear()
        return found


class ConfluentReplica:
    """A replica on librdkafka."""

    def __init__(self, topic: str, office: Office) -> None:
        self.topic, self.office = topic, office
        self.consumer = confluent(topic, GROUP, **SESSION)
        self.consumer.subscribe([topic], on_assign=self.on_assign, on_revoke=self.on_revoke)

    def on_assign(self, _: Any, partitions: list[Any]) -> None:
        if partitions:
            note("assigned", number=len(partitions))

    def on_revoke(self, *_: Any) -> None:
        printed = self.office.drain()
        if self.office.careful:
            self.commit(printed)

    def commit(self, printed: dict[int, int]) -> None:
        from confluent_kafka import TopicPartition

        if printed:
            offsets = [TopicPartition(self.topic, partition, offset) for partition, offset in printed.items()]
            self.consumer.commit(offsets=offsets, asynchronous=False)

    def run(self) -> None:
        stop = Stop()
        while not stop.asked:
            message = self.consumer.poll(0.2)
            if message is not None and not message.error():
                self.office.take(message.partition(), message.offset(), message)
            if self.office.due():
                self.commit(self.office.printed())
        self.commit(self.office.drain())
        self.consumer.close()


class AsyncReplica:
    """A replica on aiokafka."""

    def __init__(self, topic: str, office: Office) -> None:
        self.topic, self.office = topic, office
        self.consumer: Any = None

    async def on_assign(self, partitions: Any) -> None:
        if partitions:
            note("assigned", number=len(partitions))

    async def on_revoke(self, _: Any) -> None:
        printed = await asyncio.to_thread(self.office.drain)
        if self.office.careful:
            await self.commit(printed)

    async def commit(self, printed: dict[int, int]) -> None:
        from aiokafka import TopicPartition

        if printed:
            await self.consumer.commit({TopicPartition(self.topic, at): offset for at, offset in printed.items()})

    async def run(self) -> None:
        from aiokafka import AIOKafkaConsumer

        stop = Stop()
        self.consumer = AIOKafkaConsumer(
            bootstrap_servers=kafka(),
            group_id=GROUP,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            session_timeout_ms=30_000,
            heartbeat_interval_ms=500,
        )
        self.consumer.subscribe([self.topic], listener=listener(self))
        async with self.consumer:
            while not stop.asked:
                found = await self.consumer.getmany(timeout_ms=200, max_records=10)
                for records in found.values():
                    for record in records:
                        self.office.take(record.partition, record.offset, record)
                if self.office.due():
                    await self.commit(self.office.printed())
            await self.commit(await asyncio.to_thread(self.office.drain))


def listener(replica: AsyncReplica) -> Any:
    """Make what the client tells of partitions that come and go."""
    from aiokafka import ConsumerRebalanceListener

    class Listener(ConsumerRebalanceListener):  # type: ignore[misc]
        """Passes it on."""

        on_partitions_assigned = staticmethod(replica.on_assign)
        on_partitions_revoked = staticmethod(replica.on_revoke)

    return Listener()


def by_confluent(topic: str, faulty: bool) -> None:
    ConfluentReplica(topic, Office(careful=not faulty)).run()


def by_aiokafka(topic: str, faulty: bool) -> None:
    asyncio.run(AsyncReplica(topic, Office(careful=not faulty)).run())
