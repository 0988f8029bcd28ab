"""`AIOKafkaProducer`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_eda import semconv
from otel_eda.adapters._kafka import headless, known, outgoing, put
from otel_eda.core import Close, Construct, Create, Message, Reported, Send, Settle, origins, report_future

from .clients import given

if TYPE_CHECKING:
    from collections.abc import Mapping

PRODUCER = "aiokafka.producer.producer:AIOKafkaProducer"
ANSWER = Reported(report_future)


def sent(producer: Any, *call: Any) -> Message | None:
    """Read what is to be sent."""
    return outgoing(*call, serializer=producer._value_serializer)


def headed(headers: Any, more: Mapping[str, str]) -> list[tuple[str, bytes]] | None:
    """Give a copy of the headers with more at its end; None for what the client refuses, even lists of another type."""
    return put(headers, more) if headers is None or type(headers) is list else None


def without_headers(producer: Any) -> bool:
    """Tell a producer that was told, before aiokafka 0.13, that its broker knows no headers, or has found that out."""
    return headless(getattr(producer.client, "_api_version", None))


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


def batched(_: Any, batch: Any, topic: Any, partition: Any) -> Message | None:
    """Read a batch that is to be sent."""
    number = batch.record_count() if isinstance(topic, str) and hasattr(batch, "record_count") else None
    if not isinstance(number, int):
        return None
    attributes = {semconv.BATCH_COUNT: number}
    return Message(topic, str(partition), attributes=attributes, batch_count=number, origins=origins(batch))


def receipt_of_batch(_: Any) -> Any:
    """Give what reads the broker's answer to a batch: its offset would be that of one message."""
    return lambda metadata: metadata and Message(metadata.topic, str(metadata.partition))


SHAPES = (
    Construct(f"{PRODUCER}.__init__"),
    Send(
        f"{PRODUCER}.send",
        ("topic", "value", "headers", "partition", "key"),
        sent,
        headed,
        ANSWER,
        receipt,
        headless=without_headers,
    ),
    Create(
        "aiokafka.producer.message_accumulator:BatchBuilder.append",
        f"{PRODUCER}.create_batch",
        headed,
        headless=without_headers,
    ),
    Send(
        f"{PRODUCER}.send_batch",
        ("batch", "topic", "partition"),
        batched,
        None,
        ANSWER,
        receipt_of_batch,
        operation="send_batch",
    ),
    Settle(
        f"{PRODUCER}.send_offsets_to_transaction", ("offsets",), transacted, operation="send_offsets_to_transaction"
    ),
    Close(f"{PRODUCER}.stop"),
)
