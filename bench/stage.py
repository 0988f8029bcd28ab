"""The library's own producer and consumer with the network cut off right beneath them.

`KafkaProducer.send`, its futures and their completion, `KafkaConsumer.poll` and `__next__` are the real code; what is
replaced is the innermost transport: the accumulator that would collect bytes for a broker, and the fetcher that would
get them.
"""

from __future__ import annotations

import copy
import itertools
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from kafka.consumer.subscription_state import SubscriptionState
from kafka.producer.future import FutureProduceResult, FutureRecordMetadata

if TYPE_CHECKING:
    from collections.abc import Callable

TOPIC = "orders"
PARTITION = TopicPartition(TOPIC, 0)
SERVER = "broker.example:9092"
GROUP = "billing"
VALUE = b'{"order": 4711, "customer": "c-17", "total": 99.5, "lines": [1, 2, 3]}'
KEY = b"c-17"
ACKNOWLEDGED = 50  # messages that the broker acknowledges at once
FETCHED = 100  # messages that a poll brings
BATCHES = 80  # more than a worker measures
TRACEPARENT = b"00-0af7651916cd43dd8448eb211c80319c-%016x-01"

Record = Any


@dataclass(frozen=True)
class Place:
    """Where messages go."""

    server: str = SERVER
    topic: str = TOPIC


class Cluster:
    """The metadata of a cluster with one topic."""

    def topics(self) -> set[str]:
        return {TOPIC}

    def partitions_for_topic(self, _: str) -> set[int]:
        return {0}

    def available_partitions_for_topic(self, _: str) -> set[int]:
        return {0}


class Accumulator:
    """Stands where records are packed for the broker; `acknowledge` is the broker's answer to all of them."""

    def __init__(self) -> None:
        self.offset = self.size = 0
        self.answer = FutureProduceResult(PARTITION)

    def append(
        self, _: TopicPartition, __: int | None, key: bytes, value: bytes, ___: object, **____: object
    ) -> tuple[FutureRecordMetadata, bool, bool, bool]:
        future = FutureRecordMetadata(self.answer, self.size, 1_700_000_000_000, None, len(key), len(value), -1)
        self.size += 1
        return future, False, False, False

    def acknowledge(self) -> None:
        answer, offset = self.answer, self.offset
        self.offset, self.size, self.answer = offset + self.size, 0, FutureProduceResult(PARTITION)
        answer.success((offset, -1, None))


class Fetcher:
    """Stands where records are got from the broker."""

    def __init__(self, records: Callable[[], list[Record]]) -> None:
        self.records = records

    def fetch_records(self, _: int, **__: object) -> tuple[dict[TopicPartition, list[Record]], bool]:
        return {PARTITION: self.records()}, False

    def reset_offsets_if_needed(self) -> None:
        """Nothing to do."""

    maybe_validate_positions = validate_offsets_if_needed = reset_offsets_if_needed


class Coordinator:
    """Stands where the group is managed."""

    def poll(self, timeout_ms: float | None = None) -> bool:  # noqa: ARG002
        return True

    def time_to_next_poll(self) -> float:
        return 300.0


class Producer(KafkaProducer):  # type: ignore[misc]
    """A producer whose accumulator leads nowhere."""

    def __init__(self) -> None:
        self.config = copy.copy(self.DEFAULT_CONFIG)
        self.config.update(bootstrap_servers=SERVER, client_id="shop", api_version=(3, 9))
        self._closed = False
        self._metadata = Cluster()
        self._transaction_manager = None
        self._accumulator = self.broker = Accumulator()

    def __del__(self) -> None:
        """Nothing to close."""


class Consumer(KafkaConsumer):  # type: ignore[misc]
    """A consumer whose fetcher always has something."""

    def __init__(self, records: Callable[[], list[Record]]) -> None:
        self.config = copy.copy(self.DEFAULT_CONFIG)
        self.config.update(bootstrap_servers=SERVER, client_id="bill", group_id=GROUP, api_version=(3, 9))
        self._closed = False
        self._iterator = None
        self._consumer_timeout = float("inf")
        self._subscription = SubscriptionState("earliest")
        self._subscription.assign_from_user([PARTITION])
        self._subscription.seek(PARTITION, 0)
        self._coordinator = Coordinator()
        self._fetcher = Fetcher(records)

    def _refresh_committed_offsets(self, timeout_ms: float | None = None) -> None:
        """Nothing to do."""


def records(start: int = 0) -> list[Record]:
    """Make records as the real fetcher makes them, each with a producer's context in its headers."""
    stamp = int(time.time() * 1000)
    return [record(offset, stamp) for offset in range(start, start + FETCHED)]


def record(offset: int, stamp: int) -> Record:
    headers = [("traceparent", TRACEPARENT % (offset + 1))]
    sizes = len(KEY), len(VALUE), sum(len(name) + len(value) for name, value in headers)
    return ConsumerRecord(TOPIC, 0, -1, offset, stamp, 0, KEY, VALUE, headers, None, *sizes)


def same() -> Callable[[], list[Record]]:
    """Give a source of records that are made in advance, so that making them is not measured; no offset comes twice.

    It keeps none that it has given: a message of a batch that somebody holds is followed further.
    """
    starts = itertools.count(next(_sources) * 1_000_000, FETCHED)
    made = deque(records(next(starts)) for _ in range(BATCHES))
    return lambda: made.popleft() if made else records(next(starts))


_sources = itertools.count()


def fresh() -> Callable[[], list[Record]]:
    """Give a source that makes each record when it is asked for."""
    starts = itertools.count(0, FETCHED)
    return lambda: records(next(starts))


def work(message: Record) -> None:
    """Do what an application does with a message, if that were nothing."""


def acknowledged(producer: Producer, count: int, send: Callable[[], object]) -> None:
    """Call `send` for as many messages, with the broker answering now and then."""
    for number in range(1, count + 1):
        send()
        if number % ACKNOWLEDGED == 0:
            producer.broker.acknowledge()
    producer.broker.acknowledge()


def cost(action: Callable[[int], object], count: int) -> float:
    """Give the microseconds of processor time that an action takes for each of so many messages."""
    start = time.process_time_ns()
    action(count)
    return (time.process_time_ns() - start) / 1000 / count
