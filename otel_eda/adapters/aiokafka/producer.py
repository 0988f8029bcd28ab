"""`AIOKafkaProducer`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_eda.adapters._kafka import known, outgoing, put
from otel_eda.core import Close, Configure, Message, Remember, Send, Settle, report_future

from .clients import given

if TYPE_CHECKING:
    from collections.abc import Mapping

PRODUCER = "aiokafka.producer.producer:AIOKafkaProducer"


def sent(producer: Any, topic: Any, value: Any, headers: Any, partition: Any) -> Message | None:
    """Read what is to be sent."""
    return outgoing(topic, value, headers, partition, producer._value_serializer)


def headed(headers: Any, more: Mapping[str, str]) -> list[tuple[str, bytes]] | None:
    """Give a copy of the headers with more at its end; None for what the client refuses, even lists of another type."""
    return put(headers, more) if headers is None or type(headers) is list else None


def receipt(_: Any) -> Any:
    """Give what reads the broker's answers."""
    return answer


def answer(metadata: Any) -> Message | None:
    """Read a sent message's `RecordMetadata`; there is none where no answer was asked for."""
    if metadata is None:
        return None
    offset, stamp = known(metadata.offset), known(metadata.timestamp)
    return Message(metadata.topic, str(metadata.partition), offset, timestamp=stamp)


def transacted(_: Any, offsets: Any) -> dict[tuple[str, str], int]:
    """Read what is committed with a transaction."""
    return given(offsets)


SHAPES = (
    Configure(f"{PRODUCER}.__init__"),
    Send(f"{PRODUCER}.send", ("topic", "value", "headers", "partition"), sent, headed, report_future, receipt),
    Settle(
        f"{PRODUCER}.send_offsets_to_transaction", ("offsets",), transacted, operation="send_offsets_to_transaction"
    ),
    Remember(f"{PRODUCER}.begin_transaction"),
    Remember(f"{PRODUCER}.commit_transaction"),
    Remember(f"{PRODUCER}.abort_transaction"),
    Close(f"{PRODUCER}.stop"),
)
