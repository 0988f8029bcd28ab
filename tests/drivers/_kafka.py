"""What the drivers of the Kafka clients share."""

from __future__ import annotations

from abc import abstractmethod
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, ClassVar

from drivers.base import PATIENCE, By, Consumer, Driver, Message, Pending, Producer, Reading, Received

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from drivers.base import Pairs

LIMIT = 8 << 20  # bytes a producer takes; the broker takes one MiB
BACKOFF = 10  # ms, else each client waits for its first metadata


class KafkaDriver(Driver):
    system: ClassVar = "kafka"
    broker: ClassVar = "kafka"
    private: ClassVar = "private_kafka"
    destinations: ClassVar = "topics"
    known: ClassVar = frozenset(
        {
            "messaging.client.id",
            "messaging.destination.partition.id",
            "messaging.kafka.offset",
            "server.address",
            "server.port",
        }
    )
    cloudevents: ClassVar = "ce_traceparent"

    def headers(self, pairs: Pairs) -> Any:
        return list(pairs)

    def hostile(self) -> Mapping[str, Any]:
        # No name with a surrogate: it kills confluent-kafka's interpreter, with us or without.
        return {
            "dict": {"a": b"1"},
            "ordered dict": OrderedDict(a=b"1"),
            "tuple": (("a", b"1"),),
            "list in list": [["a", b"1"]],
            "triple": [("a", b"1", b"2")],
            "text value": [("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")],
            "null value": [("traceparent", None)],
            "number value": [("baggage", 1)],
            "bytes name": [(b"traceparent", b"1")],
            "bytearray value": [("traceparent", bytearray(b"1"))],
            "null name": [(None, b"1")],
            "text": "traceparent",
            "empty text": "",
            "number": 7,
            "generator": (pair for pair in [("a", b"1")]),
            "subclasses": Names([Pair((Text("a"), Octets(b"1")))]),
        }

    def refused(self) -> Message:
        return Message(bytes(LIMIT // 4))

    def foreign(self, address: str, destination: str, message: Message) -> None:
        import confluent_kafka

        producer = confluent_kafka.Producer({"bootstrap.servers": address})
        producer.produce(destination, message.value, headers=message.headers)
        assert producer.flush(PATIENCE) == 0


class RecordDriver(KafkaDriver):
    """A client written in Python: it gives records, a list of them for each partition."""

    batch_type: ClassVar = dict

    def hostile(self) -> Mapping[str, Any]:
        return {**super().hostile(), "surrogate name": [("\udcff", b"1")]}

    def bad_settle(self, address: str, destination: str) -> tuple[Consumer, Callable[[], object]]:
        consumer = self.consumer(address, (destination,), Reading(group=None))
        return consumer, consumer.settle


class RecordProducer(Producer):
    topic: str
    fields: ClassVar[tuple[str, ...]]  # the arguments of its `send`, in their order

    @abstractmethod
    def sent(self, *args: Any, **kwargs: Any) -> Pending:
        """Call the library's `send`."""

    def send(self, message: Message, by: By = By.HABIT) -> Pending:
        values = {**vars(message), "topic": self.topic, "timestamp_ms": None}
        fields = {name: values[name] for name in self.fields}
        if by is By.POSITION:
            return self.sent(*fields.values())
        if by is By.NAME:
            return self.sent(**fields)
        given = {name: value for name, value in fields.items() if value is not None and name not in {"topic", "value"}}
        return self.sent(self.topic, message.value, **given)


class RecordConsumer(Consumer):
    def read(self, native: Any) -> Received:
        return Received(native, native.topic, native.value, native.key, native.headers, native.partition, native.offset)

    def lists(self, result: Any) -> list[Sequence[Any]]:
        return list(result.values())


class Names(list[Any]):
    pass


class Pair(tuple[Any, ...]):
    __slots__ = ()


class Text(str):
    __slots__ = ()


class Octets(bytes):
    __slots__ = ()
