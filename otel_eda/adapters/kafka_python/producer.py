"""`KafkaProducer`."""

from __future__ import annotations

from functools import partial
from typing import Any

from otel_eda.adapters._kafka import headless, outgoing, positions, with_headers
from otel_eda.core import Close, Construct, Reported, Send, Settle

from .answers import confirmed, report, unconfirmed

PRODUCER = "kafka.producer.kafka:KafkaProducer"


def receipt(producer: Any) -> Any:
    """Return what reads the broker's answers to a producer."""
    return unconfirmed if producer.config["acks"] == 0 else confirmed


def serializer(producer: Any) -> Any:
    """Return what a producer makes of values, None if that is nothing."""
    return producer.config.get("value_serializer")


outgoing_message = partial(outgoing, serializer)


def without_headers(producer: Any) -> bool:
    """Return whether a producer was told, or has found out, that its broker knows no headers."""
    return headless(producer.config["api_version"])


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
        headless=without_headers,
    ),
    Settle(
        f"{PRODUCER}.send_offsets_to_transaction?",
        ("offsets",),
        transaction_offsets,
        operation="send_offsets_to_transaction",
    ),
    Close(f"{PRODUCER}.close"),
)
