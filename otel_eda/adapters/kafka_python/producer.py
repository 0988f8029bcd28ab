"""`KafkaProducer`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_eda.adapters._kafka import confirmed, headless, outgoing, positions, report, unconfirmed, with_headers
from otel_eda.core import Close, Construct, Reported, Send, Settle

if TYPE_CHECKING:
    from otel_eda.core import Message

PRODUCER = "kafka.producer.kafka:KafkaProducer"


def receipt(producer: Any) -> Any:
    """Return what reads the broker's answers to a producer."""
    return unconfirmed if producer.config["acks"] == 0 else confirmed


def outgoing_message(producer: Any, *call: Any) -> Message | None:
    """Return the message that a call sends."""
    return outgoing(*call, serializer=producer.config.get("value_serializer"))


def transaction_offsets(_: Any, offsets: Any) -> dict[tuple[str, str], int]:
    """Return the offsets that are committed with a transaction."""
    return positions(offsets)


SHAPES = (
    Construct(f"{PRODUCER}.__init__"),
    Send(
        f"{PRODUCER}.send",
        ("topic", "value", "headers", "partition", "key"),
        outgoing_message,
        with_headers,
        Reported(report),
        receipt,
        headless=lambda producer: headless(producer.config["api_version"]),
    ),
    Settle(
        f"{PRODUCER}.send_offsets_to_transaction?",
        ("offsets",),
        transaction_offsets,
        operation="send_offsets_to_transaction",
    ),
    Close(f"{PRODUCER}.close"),
)
