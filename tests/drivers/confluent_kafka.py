"""confluent-kafka, 2.3 and later."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any, ClassVar

from confluent_kafka import Consumer as NativeConsumer
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka import Producer as NativeProducer
from support.waiting import until

from drivers._kafka import LIMIT, KafkaDriver
from drivers.base import (
    PATIENCE,
    By,
    Can,
    Consumer,
    Message,
    Pending,
    Producer,
    Reading,
    Receipt,
    Received,
    Sending,
    Shape,
    Verbs,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from drivers.base import BadCall

IMPATIENT = 3000  # ms
GATHER = 0.3  # seconds a pull of several messages waits for more of them


def sending(address: str, how: Sending) -> dict[str, Any]:
    """Give the settings of a producer."""
    return {
        "bootstrap.servers": address,
        "acks": "all" if how.acks else 0,
        "linger.ms": 60_000 if how.hold else 0,
        "message.max.bytes": LIMIT,
        "log_level": 0,
        **({"client.id": how.client} if how.client else {}),
        **({"message.timeout.ms": IMPATIENT} if how.impatient else {}),
    }


def reading(address: str, how: Reading) -> dict[str, Any]:
    """Give the settings of a consumer."""
    return {
        "bootstrap.servers": address,
        "group.id": how.group or f"alone-{uuid.uuid4().hex}",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "fetch.wait.max.ms": 50,
        "log_level": 0,
        **({"client.id": how.client} if how.client else {}),
    }


class Report(Pending):
    """What the delivery report of one message says."""

    def __init__(self, producer: NativeProducer) -> None:
        self.producer = producer
        self.native: Any = None
        self.error: Any = None

    def __call__(self, error: Any, message: Any) -> None:
        self.error, self.native = error, message

    def wait(self) -> Receipt:
        until(lambda: self.native is not None or (self.producer.poll(0.05), False)[1], "a delivery report", PATIENCE)
        if self.error is not None:
            raise KafkaException(self.error)
        return receipt(self.native)


def receipt(native: Any) -> Receipt:
    """Read what a delivery report says."""
    offset = native.offset()
    return Receipt(native, native.partition(), offset if offset is not None and offset >= 0 else None)


def received(native: Any) -> Received:
    """Say what is in a message."""
    return Received(
        native,
        native.topic(),
        native.value(),
        native.key(),
        native.headers() or [],
        native.partition(),
        native.offset(),
    )


class ConfluentProducer(Producer):
    def __init__(self, address: str, topic: str, how: Sending) -> None:
        self.topic = topic
        self.native = NativeProducer(sending(address, how))

    def send(self, message: Message, by: By = By.HABIT) -> Pending:
        report = Report(self.native)
        partition = -1 if message.partition is None else message.partition
        fields = {
            "topic": self.topic,
            "value": message.value,
            "key": message.key,
            "partition": partition,
            "callback": report,
            "on_delivery": None,
            "timestamp": 0,
            "headers": message.headers,
        }
        if by is By.POSITION:
            self.native.produce(*fields.values())
        elif by is By.NAME:
            self.native.produce(**{**fields, "on_delivery": fields.pop("callback")})
        else:
            given = {name: fields[name] for name in ("key", "headers") if fields[name] is not None}
            given |= {"partition": partition} if message.partition is not None else {}
            self.native.produce(self.topic, message.value, on_delivery=report, **given)
        return report

    def flush(self) -> None:
        assert self.native.flush(PATIENCE) == 0

    def close(self) -> None:
        self.native.flush(PATIENCE)

    def abandon(self) -> None:
        self.native.purge()
        self.native.poll(0)


class ConfluentConsumer(Consumer):
    def __init__(self, address: str, topics: tuple[str, ...], how: Reading) -> None:
        self.native = NativeConsumer({**reading(address, how), "on_commit": self._committed})
        self.commits = 0
        self.patience = how.patience
        self.closed = False
        if how.group:
            self.native.subscribe(list(topics))
        else:
            self.native.assign(
                [TopicPartition(topic, number, 0) for topic in topics for number in self._numbers(topic)]
            )

    def _committed(self, *_: object) -> None:
        self.commits += 1

    def rewind(self) -> None:
        for partition in self.native.assignment():
            self.native.seek(TopicPartition(partition.topic, partition.partition, 0))

    def _numbers(self, topic: str) -> list[int]:
        return list(self.native.list_topics(topic, PATIENCE).topics[topic].partitions)

    def read(self, native: Any) -> Received:
        return received(native)

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.native.close()

    def pull(self) -> Any:
        message = self.native.poll(self.patience)
        if message is None:
            raise TimeoutError("a message was to come")
        if message.error() is not None:
            raise KafkaException(message.error())
        return message

    def poll(self, timeout: float) -> Any:
        end = time.monotonic() + timeout
        while True:
            messages = self.native.consume(500, min(timeout, GATHER))
            if messages or time.monotonic() >= end:
                return messages

    def lists(self, result: Any) -> list[Sequence[Any]]:
        return [result] if result else []

    def settle(self) -> None:
        # Without offsets it refuses to commit twice what it has committed.
        self.native.commit(offsets=self.native.position(self.native.assignment()), asynchronous=False)

    def settle_later(self) -> None:
        before = self.commits
        self.native.commit()
        until(lambda: self.commits > before or (self.native.poll(0.05), False)[1], "an answer to a commit", PATIENCE)


class ConfluentKafka(KafkaDriver):
    name: ClassVar = "confluent-kafka"
    library: ClassVar = "confluent_kafka"
    module: ClassVar = "confluent_kafka"
    producers: ClassVar[type[Producer]] = ConfluentProducer
    consumers: ClassVar[type[Consumer]] = ConfluentConsumer
    cannot: ClassVar = {
        Shape.LOOP: "its consumers are not iterable",
        Shape.CALLBACK: "its consumers call no code of the application for a message",
        Can.ALONE: "a consumer must name a group",
        Can.HOOKS: "its C code calls no code of the application while it sends",
    }
    shapes: ClassVar = (Shape.PULL, Shape.BATCH)
    verbs: ClassVar = Verbs(send="produce", receive="consume", settle="commit", pull="poll")
    batch_type: ClassVar = list
    classes: ClassVar[tuple[type, ...]] = (NativeProducer, NativeConsumer)
    sender: ClassVar[tuple[type, str]] = (NativeProducer, "produce")

    def bad_calls(self, destination: str) -> Mapping[str, BadCall]:
        return {
            "send: no topic": lambda producer, _: producer.native.produce(),
            "send: topic of a wrong type": lambda producer, _: producer.native.produce(7),
            "send: unknown argument": lambda producer, _: producer.native.produce(destination, b"1", bogus=1),
            "send: argument twice": lambda producer, _: producer.native.produce(destination, topic=destination),
            "send: too many": lambda producer, _: producer.native.produce(destination, b"1", *[None] * 9),
            "send: value of a wrong type": lambda producer, _: producer.native.produce(destination, 1),
            "send: partition of a wrong type": lambda producer, _: producer.native.produce(destination, partition="0"),
            "send: no bytes at all": lambda producer, _: producer.native.produce(destination, headers=7),
            "poll: timeout of a wrong type": lambda _, consumer: consumer.native.poll("soon"),
            "poll: unknown argument": lambda _, consumer: consumer.native.poll(bogus=1),
            "consume: a negative number": lambda _, consumer: consumer.native.consume(-1),
            "consume: unknown argument": lambda _, consumer: consumer.native.consume(bogus=1),
            "commit: too many": lambda _, consumer: consumer.native.commit(*[None] * 9),
            "commit: two kinds": lambda _, consumer: consumer.native.commit(message=1, offsets=1),
            "commit: no message": lambda _, consumer: consumer.native.commit(message=1),
            "commit: nothing": lambda _, consumer: consumer.native.commit(asynchronous=False),
            "store_offsets: nothing": lambda _, consumer: consumer.native.store_offsets(),
            "seek: nowhere": lambda _, consumer: consumer.native.seek(None),
            "assign: no list": lambda _, consumer: consumer.native.assign(7),
        }

    def bad_settle(self, address: str, destination: str) -> tuple[Consumer, Callable[[], object]]:
        consumer = self.consumer(address, (destination,), Reading(group=destination))
        return consumer, consumer.settle


DRIVER = ConfluentKafka()
