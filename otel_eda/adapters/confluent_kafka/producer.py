"""`Producer`, and `SerializingProducer`, which is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_eda.core import Close, Construct, DeliveryCallback, Message, Send, Settle

from .messages import Positions, configured, failure, positions, read

if TYPE_CHECKING:
    from collections.abc import Mapping

PRODUCER = "confluent_kafka:Producer"
SIGNATURES = {
    "Producer.produce": (
        "(self, topic, value=None, key=None, partition=-1, callback=..., on_delivery=..., timestamp=0, headers=None)"
    ),
    "Producer.send_offsets_to_transaction": "(self, positions, group_metadata, timeout=-1)",
}


def outgoing(_: Any, topic: Any, value: Any, headers: Any, partition: Any, key: Any) -> Message | None:
    """Read what is to be sent."""
    if not isinstance(topic, str):
        return None
    chosen = str(partition) if isinstance(partition, int) and partition >= 0 else None
    return Message(topic, chosen, headers=headers, tombstone=value is None, key=key)


def put(headers: Any, more: Mapping[str, str]) -> list[tuple[Any, Any]] | None:
    """Give a list of header pairs with more at its end; None for what the library refuses."""
    if headers is None or isinstance(headers, (list, dict)):
        given = headers.items() if isinstance(headers, dict) else headers or ()
        return [*given, *((name, value.encode()) for name, value in more.items())]
    return None


def receipt(_: Any) -> Any:
    """Give what reads a delivery report."""
    return read


def offsets(_: Any, given: Any) -> Positions:
    """Read what is committed with a transaction."""
    return positions(given)


SHAPES = (
    Construct(f"{PRODUCER}.__init__", configured),
    Send(
        f"{PRODUCER}.produce",
        ("topic", "value", "headers", "partition", "key"),
        outgoing,
        put,
        DeliveryCallback(("callback", "on_delivery"), failure),
        receipt,
        operation="produce",
    ),
    Settle(f"{PRODUCER}.send_offsets_to_transaction", ("positions",), offsets, operation="send_offsets_to_transaction"),
    Close(f"{PRODUCER}.close?"),
    Close(f"{PRODUCER}.__exit__?"),
)
