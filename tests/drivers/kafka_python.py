"""kafka-python, 2.0.2 and later."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from kafka import KafkaConsumer, KafkaProducer
from kafka.cluster import ClusterMetadata
from kafka.errors import KafkaTimeoutError
from kafka.serializer import Deserializer, Serializer

from drivers._kafka import BACKOFF, LIMIT, RecordConsumer, RecordDriver, RecordProducer
from drivers.base import (
    PATIENCE,
    Pending,
    Reading,
    Receipt,
    Sending,
    Shape,
    Verbs,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from drivers.base import BadCall, Hook

IMPATIENT = {"request_timeout_ms": 1000, "delivery_timeout_ms": 1500}  # the latter since 2.1


class HookedSerializer(Serializer):  # type: ignore[misc]
    def __init__(self, hook: Hook) -> None:
        self.hook = hook

    def serialize(self, *args: Any) -> Any:  # the headers are among them since 3.0
        self.hook()
        return args[-1]


class HookedDeserializer(Deserializer):  # type: ignore[misc]
    def __init__(self, hook: Hook) -> None:
        self.hook = hook

    def deserialize(self, *args: Any) -> Any:
        self.hook()
        return args[-1]


class Future(Pending):
    def __init__(self, native: Any) -> None:
        self.native = native

    def wait(self) -> Receipt:
        record = self.native.get(PATIENCE)
        return Receipt(record, record.partition, record.offset)


class PythonProducer(RecordProducer):
    fields: ClassVar = ("topic", "value", "key", "headers", "partition", "timestamp_ms")

    def __init__(self, address: str, topic: str, how: Sending) -> None:
        self.topic = topic
        options: dict[str, Any] = {"client_id": how.client} if how.client else {}
        if how.hook:
            options["value_serializer"] = HookedSerializer(how.hook)
        if how.impatient:
            options |= {name: value for name, value in IMPATIENT.items() if name in KafkaProducer.DEFAULT_CONFIG}
        self.native = KafkaProducer(
            bootstrap_servers=address,
            acks="all" if how.acks else 0,
            linger_ms=60_000 if how.hold else 0,
            max_request_size=LIMIT,
            retry_backoff_ms=BACKOFF,
            **options,
        )

    def sent(self, *args: Any, **kwargs: Any) -> Pending:
        return Future(self.native.send(*args, **kwargs))

    def flush(self) -> None:
        self.native.flush(PATIENCE)

    def close(self) -> None:
        self.native.close(timeout=PATIENCE)

    def abandon(self) -> None:
        with suppress(KafkaTimeoutError):  # since 3.0 it flushes first
            self.native.close(timeout=0.1)


class PythonConsumer(RecordConsumer):
    def __init__(self, address: str, topics: tuple[str, ...], how: Reading) -> None:
        options: dict[str, Any] = {"client_id": how.client} if how.client else {}
        if how.hook:
            options["value_deserializer"] = HookedDeserializer(how.hook)
        self.native = KafkaConsumer(
            *topics,
            bootstrap_servers=address,
            group_id=how.group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            consumer_timeout_ms=int(how.patience * 1000),
            fetch_max_wait_ms=50,
            retry_backoff_ms=BACKOFF,
            **options,
        )

    def close(self) -> None:
        self.native.close()

    def loop(self) -> Iterable[Any]:
        consumer: Iterable[Any] = self.native
        return consumer

    def pull(self) -> Any:
        try:
            return next(self.native)
        except StopIteration:
            raise TimeoutError("a message was to come") from None

    def poll(self, timeout: float) -> Any:
        return self.native.poll(timeout_ms=int(timeout * 1000))

    def settle(self) -> None:
        self.native.commit()

    def settle_later(self) -> None:
        future = self.native.commit_async()
        while not future.is_done:
            self.native.poll(timeout_ms=10)

    def rewind(self) -> None:
        self.native.seek_to_beginning()


class KafkaPython(RecordDriver):
    name: ClassVar = "kafka-python"
    library: ClassVar = "kafka_python"
    module: ClassVar = "kafka"
    producers: ClassVar = PythonProducer
    consumers: ClassVar = PythonConsumer
    cannot: ClassVar = {Shape.CALLBACK: "its consumers call no code of the application for a message"}
    shapes: ClassVar = (Shape.LOOP, Shape.PULL, Shape.BATCH)
    verbs: ClassVar = Verbs(send="send", receive="poll", settle="commit")
    classes: ClassVar = (KafkaProducer, KafkaConsumer)
    sender: ClassVar = (KafkaProducer, "send")
    # Version 2 forgets what it is told of the cluster.
    own: ClassVar = (
        dict.fromkeys(("send", "receive", "process", "settle"), frozenset({"messaging.kafka.cluster.id"}))
        if hasattr(ClusterMetadata(), "cluster_id")
        else {}
    )

    def bad_calls(self, destination: str) -> Mapping[str, BadCall]:
        return {
            "send: no topic": lambda producer, _: producer.native.send(),
            "send: unknown argument": lambda producer, _: producer.native.send(destination, b"1", bogus=1),
            "send: argument twice": lambda producer, _: producer.native.send(destination, topic=destination),
            "send: too many": lambda producer, _: producer.native.send(destination, b"1", *[None] * 5),
            "send: neither key nor value": lambda producer, _: producer.native.send(destination),
            "send: value of a wrong type": lambda producer, _: producer.native.send(destination, 1),
            "send: no such partition": lambda producer, _: producer.native.send(destination, b"1", partition=9),
            "poll: timeout of a wrong type": lambda _, consumer: consumer.native.poll("soon"),
            "poll: negative timeout": lambda _, consumer: consumer.native.poll(timeout_ms=-1),
            "poll: unknown argument": lambda _, consumer: consumer.native.poll(bogus=1),
            "commit: too many": lambda _, consumer: consumer.native.commit(*[None] * 5),
            "commit: no group": lambda _, consumer: consumer.native.commit(),
            "commit_async: no group": lambda _, consumer: consumer.native.commit_async(),
        }


DRIVER = KafkaPython()
