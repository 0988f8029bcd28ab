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
        Can.KEYS: "a routing key is where a message goes, and nothing of the message's",
        Can.TOMBSTONES: "a message has a body, be it empty",
        Can.HOLD: "what is published is on its way",
        Can.PARTITIONS: "a queue has none",
        Can.ABANDON: "a publish is over only with its confirmation",
        Can.GROUPS: "who consumes a queue shares it with whoever else does",
        Can.SETTLE_LATER: "an acknowledgement has no answer to wait for",
        Can.REWIND: "what is acknowledged is gone",
        Can.HOOKS: "it calls nothing of the application's during a publish or a pull",
        Can.TIMES: "a message has a time only if its sender gives it one, in seconds",
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
