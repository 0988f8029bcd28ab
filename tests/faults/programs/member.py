"""A member of a group: works as told by the lines of its input, and writes into a journal what it has done.

`member.py LIBRARY ADDRESS TOPIC JOURNAL`; a line `work N` processes so many messages and commits each, `careless N`
fails with every third and commits it all the same, `rewind` starts over. Each is answered by a line of counts.
"""

from __future__ import annotations

import asyncio
import json
import queue
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import otel_eda

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FACTS = {
    "redelivered": "eda.redelivered.messages",
    "reprocessed": "eda.reprocessed.messages",
    "skipped": "eda.skipped.messages",
    "recovered": "eda.recovered.messages",
    "regressions": "eda.commit.regressions",
}
SESSION = 6_000  # ms, the least a broker allows


class FailedError(Exception):
    pass


def metrics() -> Callable[[], dict[str, int]]:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

    reader = InMemoryMetricReader()
    otel_eda.enable(tracer_provider=TracerProvider(ALWAYS_OFF), meter_provider=MeterProvider([reader]))

    def read() -> dict[str, int]:
        data: Any = reader.get_metrics_data()
        scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics]
        found = {metric.name: metric.data.data_points for scope in scopes for metric in scope.metrics}
        return {name: sum(point.value for point in found.get(metric, ())) for name, metric in FACTS.items()}

    return read


def third(offset: int) -> bool:
    return offset % 3 == 0


def never(_: int) -> bool:
    return False


class Journal:
    """What was done, on disk at once."""

    def __init__(self, path: str) -> None:
        self.file = open(path, "a", buffering=1, encoding="ascii")  # noqa: SIM115  # to the end

    def note(self, what: str, partition: int = -1, offset: int = -1) -> None:
        print(what, partition, offset, file=self.file, flush=True)

    def work(self, message: Any, partition: int, offset: int, fails: bool) -> None:
        self.note("begin", partition, offset)
        try:
            with otel_eda.process(message):
                if fails:
                    raise FailedError
        except FailedError:
            self.note("fail", partition, offset)
        else:
            self.note("done", partition, offset)


class Python:
    def __init__(self, address: str, topic: str, journal: Journal) -> None:
        from kafka import ConsumerRebalanceListener, KafkaConsumer

        class Listener(ConsumerRebalanceListener):  # type: ignore[misc]
            def on_partitions_revoked(self, revoked: object) -> None:
                """Nothing to do."""

            def on_partitions_assigned(self, assigned: object) -> None:  # noqa: ARG002
                journal.note("release")

        self.journal = journal
        self.consumer = KafkaConsumer(
            bootstrap_servers=address,
            group_id=topic,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            session_timeout_ms=SESSION,
            heartbeat_interval_ms=300,
            max_poll_records=1,
        )
        self.consumer.subscribe([topic], listener=Listener())

    def work(self, count: int, fails: Callable[[int], bool]) -> None:
        for message in self.consumer:
            self.handle(message, fails)
            count -= 1
            if not count:
                break

    def handle(self, message: Any, fails: Callable[[int], bool]) -> None:
        from kafka import TopicPartition
        from kafka.structs import OffsetAndMetadata

        self.journal.work(message, message.partition, message.offset, fails(message.offset))
        place = OffsetAndMetadata(*(message.offset + 1, "", -1)[: len(OffsetAndMetadata._fields)])
        self.consumer.commit({TopicPartition(message.topic, message.partition): place})
        self.journal.note("commit", message.partition, message.offset + 1)

    def rewind(self) -> None:
        self.consumer.seek_to_beginning()

    def idle(self) -> None:
        """Take part in the group, and read nothing but from what is assigned right now."""
        self.consumer.pause(*self.consumer.assignment())
        for messages in self.consumer.poll(timeout_ms=100).values():
            for message in messages:
                self.handle(message, never)
        self.consumer.resume(*self.consumer.assignment())

    def close(self) -> None:
        self.consumer.close()


class Confluent:
    def __init__(self, address: str, topic: str, journal: Journal) -> None:
        from confluent_kafka import Consumer

        self.journal = journal
        self.consumer = Consumer(
            {
                "bootstrap.servers": address,
                "group.id": topic,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "session.timeout.ms": SESSION,
                "heartbeat.interval.ms": 300,
            }
        )
        self.consumer.subscribe([topic], on_assign=lambda *_: journal.note("release"))

    def work(self, count: int, fails: Callable[[int], bool]) -> None:
        while count:
            message = self.consumer.poll(1)
            if message is None or message.error() is not None:
                continue
            self.handle(message, fails)
            count -= 1

    def handle(self, message: Any, fails: Callable[[int], bool]) -> None:
        partition, offset = message.partition(), message.offset()
        self.journal.work(message, partition, offset, fails(offset))
        self.consumer.commit(message, asynchronous=False)
        self.journal.note("commit", partition, offset + 1)

    def rewind(self) -> None:
        from confluent_kafka import TopicPartition

        for at in self.consumer.assignment():
            self.consumer.seek(TopicPartition(at.topic, at.partition, 0))

    def idle(self) -> None:
        """Take part in the group, and read nothing but from what is assigned right now."""
        self.consumer.pause(self.consumer.assignment())
        message = self.consumer.poll(0.1)
        if message is not None and message.error() is None:
            self.handle(message, never)
        self.consumer.resume(self.consumer.assignment())

    def close(self) -> None:
        self.consumer.close()


class Aio:
    def __init__(self, address: str, topic: str, journal: Journal) -> None:
        self.loop = asyncio.new_event_loop()
        self.journal = journal
        self.consumer: Any = self.loop.run_until_complete(self.start(address, topic))

    async def start(self, address: str, topic: str) -> Any:
        from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener

        journal = self.journal

        class Listener(ConsumerRebalanceListener):  # type: ignore[misc]
            def on_partitions_revoked(self, revoked: object) -> None:
                """Nothing to do."""

            def on_partitions_assigned(self, assigned: object) -> None:  # noqa: ARG002
                journal.note("release")

        consumer = AIOKafkaConsumer(
            bootstrap_servers=address,
            group_id=topic,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            session_timeout_ms=SESSION,
            heartbeat_interval_ms=300,
        )
        consumer.subscribe([topic], listener=Listener())
        await consumer.start()
        return consumer

    def work(self, count: int, fails: Callable[[int], bool]) -> None:
        async def work(left: int) -> None:
            async for message in self.consumer:
                await self.handle(message, fails)
                left -= 1
                if not left:
                    break

        self.loop.run_until_complete(work(count))

    async def handle(self, message: Any, fails: Callable[[int], bool]) -> None:
        from aiokafka import TopicPartition
        from aiokafka.errors import CommitFailedError, IllegalStateError

        self.journal.work(message, message.partition, message.offset, fails(message.offset))
        with suppress(CommitFailedError, IllegalStateError):  # the group is being rebalanced
            await self.consumer.commit({TopicPartition(message.topic, message.partition): message.offset + 1})
            self.journal.note("commit", message.partition, message.offset + 1)

    def rewind(self) -> None:
        self.loop.run_until_complete(self.consumer.seek_to_beginning())

    def idle(self) -> None:
        """Take part in the group, and read nothing but from what is assigned right now."""

        async def idle() -> None:
            self.consumer.pause(*self.consumer.assignment())
            for messages in (await self.consumer.getmany(timeout_ms=100)).values():
                for message in messages:
                    await self.handle(message, never)
            self.consumer.resume(*self.consumer.assignment())

        self.loop.run_until_complete(idle())

    def close(self) -> None:
        self.loop.run_until_complete(self.consumer.stop())
        self.loop.close()


LIBRARIES = {"kafka-python": Python, "confluent-kafka": Confluent, "aiokafka": Aio}


def commands() -> Iterator[str | None]:
    """Give the lines of the input, and None as long as there is none."""
    lines: queue.Queue[str] = queue.Queue()

    def read() -> None:
        for line in sys.stdin:
            lines.put(line)
        lines.put("")

    threading.Thread(target=read, daemon=True).start()
    while True:
        line = None if lines.empty() else lines.get()
        if line == "":
            return
        yield line


def main(library: str, address: str, topic: str, path: str) -> None:
    read = metrics()
    member: Any = LIBRARIES[library](address, topic, Journal(path))
    for line in commands():
        if line is None:
            member.idle()
            continue
        command, *count = line.split()
        if command == "rewind":
            member.rewind()
        else:
            member.work(int(count[0]), third if command == "careless" else never)
        print(json.dumps(read()), flush=True)
    member.close()
    print(json.dumps(read()), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
