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
    """Return the message that a call sends, or None for a call that the library will refuse."""
    if not isinstance(topic, str):
        return None
    partition_id = str(partition) if isinstance(partition, int) and partition >= 0 else None
    return Message(topic, partition_id, headers=headers, tombstone=value is None, key=key)


def with_headers(headers: Any, added: Mapping[str, str]) -> list[tuple[Any, Any]] | None:
    """Return a list of header pairs with more headers at its end, or None for headers that the library refuses."""
    if headers is None or isinstance(headers, (list, dict)):
        pairs = headers.items() if isinstance(headers, dict) else headers or ()
        return [*pairs, *((name, value.encode()) for name, value in added.items())]
    return None


def receipt(_: Any) -> Any:
    """Return what reads a delivery report."""
    return read


def transaction_offsets(_: Any, partitions: Any) -> Positions:
    """Return the offsets that are committed with a transaction."""
    return positions(partitions)


SHAPES = (
    Construct(f"{PRODUCER}.__init__", configured),
    Send(
        f"{PRODUCER}.produce",
        ("topic", "value", "headers", "partition", "key"),
        outgoing,
        with_headers,
        DeliveryCallback(("callback", "on_delivery"), failure),
        receipt,
        operation="produce",
    ),
    Settle(
        f"{PRODUCER}.send_offsets_to_transaction",
        ("positions",),
        transaction_offsets,
        operation="send_offsets_to_transaction",
    ),
    Close(f"{PRODUCER}.close?"),
    Close(f"{PRODUCER}.__exit__?"),
)
