"""What the drivers of the Kafka clients share."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, ClassVar

from drivers.base import PATIENCE, Consumer, Driver, Message, Received

if TYPE_CHECKING:
    from collections.abc import Mapping

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


class RecordConsumer(Consumer):
    """A consumer of records, as the clients written in Python have them."""

    def read(self, native: Any) -> Received:
        return Received(native, native.topic, native.value, native.key, native.headers, native.partition, native.offset)


class Names(list[Any]):
    pass


class Pair(tuple[Any, ...]):
    __slots__ = ()


class Text(str):
    __slots__ = ()


class Octets(bytes):
    __slots__ = ()
