"""`KafkaProducer`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_eda.adapters._kafka import confirmed, headless, outgoing, put, report, unconfirmed
from otel_eda.core import Close, Construct, Reported, Send

if TYPE_CHECKING:
    from otel_eda.core import Message

PRODUCER = "kafka.producer.kafka:KafkaProducer"


def receipt(producer: Any) -> Any:
    """Give what reads the broker's answers to a producer."""
    return unconfirmed if producer.config["acks"] == 0 else confirmed


def sent(producer: Any, *call: Any) -> Message | None:
    """Read what is to be sent."""
    return outgoing(*call, serializer=producer.config.get("value_serializer"))


SHAPES = (
    Construct(f"{PRODUCER}.__init__"),
    Send(
        f"{PRODUCER}.send",
        ("topic", "value", "headers", "partition", "key"),
        sent,
        put,
        Reported(report),
        receipt,
        headless=lambda producer: headless(producer.config["api_version"]),
    ),
    Close(f"{PRODUCER}.close"),
)
