"""What the drivers of the RabbitMQ clients share."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, ClassVar

from drivers.base import Can, Driver, Shape

if TYPE_CHECKING:
    from collections.abc import Mapping


class AmqpDriver(Driver):
    system: ClassVar = "rabbitmq"
    broker: ClassVar = "rabbitmq"
    private: ClassVar = "private_rabbitmq"
    destinations: ClassVar = "queues"
    cannot: ClassVar[Mapping[Can | Shape, str]] = {
        Can.REPEATED_HEADERS: "headers are a table",
        Can.KEYS: "a routing key says where a message goes and is no key of the message",
        Can.TOMBSTONES: "a message always has a body, which may be empty",
        Can.HOLD: "a published message is sent at once",
        Can.PARTITIONS: "a queue has no partitions",
        Can.ABANDON: "a publish ends only with its confirmation",
        Can.GROUPS: "all consumers of a queue share it",
        Can.SETTLE_LATER: "an acknowledgement has no answer to wait for",
        Can.REWIND: "the broker deletes acknowledged messages",
        Can.HOOKS: "the library calls no code of the application during a publish or a pull",
        Can.TIMES: "a message has a time only if its sender sets one, in seconds",
        Shape.BATCH: "each delivery is one message",
    }
    known: ClassVar = frozenset({"messaging.client.id", "server.address", "server.port"})
    longest: ClassVar = 100_000  # a message's header is one frame, of 128 KiB
    cloudevents: ClassVar = "cloudEvents:traceparent"

    def hostile(self) -> Mapping[str, Any]:
        return {
            "text value": {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
            "null value": {"traceparent": None},
            "number value": {"baggage": 1},
            "nested": {"traceparent": {"a": ["b", 1, None, {"b": True}]}},
            "ordered dict": OrderedDict(a="1"),
            # Those that are refused come last: after one that it can't write, aiormq 6 waits for the confirmations of
            # others than the broker confirms.
            "pairs": [("a", b"1")],
            "number name": {1: "a"},
            "bytes name": {b"traceparent": b"1"},
            "text": "traceparent",
            "number": 7,
        }
