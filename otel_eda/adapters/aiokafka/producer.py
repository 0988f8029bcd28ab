"""`AIOKafkaProducer`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from otel_eda import semconv
from otel_eda.adapters._kafka import outgoing, valid, with_headers
from otel_eda.core import Close, Construct, Create, Message, Reported, Send, Settle, origins, report_future

from .clients import offsets_by_partition, serializer, without_headers

if TYPE_CHECKING:
    from collections.abc import Mapping

PRODUCER = "aiokafka.producer.producer:AIOKafkaProducer"
ANSWER = Reported(report_future)
outgoing_message = partial(outgoing, serializer)


def with_plain_headers(headers: Any, added: Mapping[str, str]) -> list[tuple[str, bytes]] | None:
    """Return a copy of the headers with more at its end, or None for headers that the client refuses.

    It refuses everything but a plain list.
    """
    return with_headers(headers, added) if headers is None or type(headers) is list else None


def receipt(_: Any) -> Any:
    """Return what reads the broker's answers."""
    return answer


def answer(metadata: Any) -> Message | None:
    """Return the message of a `RecordMetadata`, or None where no answer was asked for."""
    if metadata is None:
        return None
    offset, stamp = valid(metadata.offset), valid(metadata.timestamp)
    return Message(metadata.topic, str(metadata.partition), offset, timestamp=stamp)


def transaction_offsets(_: Any, offsets: Any) -> dict[tuple[str, str], int]:
    """Return the offsets that are committed with a transaction."""
    return offsets_by_partition(offsets)


def outgoing_batch(_: Any, batch: Any, topic: Any, partition: Any) -> Message | None:
    """Return the message that stands for a batch that is sent."""
    number = batch.record_count() if isinstance(topic, str) and hasattr(batch, "record_count") else None
    if not isinstance(number, int):
        return None
    attributes = {semconv.BATCH_COUNT: number}
    return Message(topic, str(partition), attributes=attributes, batch_count=number, origins=origins(batch))


def receipt_of_batch(_: Any) -> Any:
    """Return what reads the broker's answer to a batch, whose offset is only that of one message."""
    return lambda metadata: metadata and Message(metadata.topic, str(metadata.partition))


SHAPES = (
    Construct(f"{PRODUCER}.__init__"),
    Send(
        f"{PRODUCER}.send",
        ("topic", "value", "headers", "partition", "key"),
        outgoing_message,
        with_plain_headers,
        ANSWER,
        receipt,
        headless=without_headers,
    ),
    Create(
        "aiokafka.producer.message_accumulator:BatchBuilder.append",
        f"{PRODUCER}.create_batch",
        with_plain_headers,
        headless=without_headers,
    ),
    Send(
        f"{PRODUCER}.send_batch",
        ("batch", "topic", "partition"),
        outgoing_batch,
        None,
        ANSWER,
        receipt_of_batch,
        operation="send_batch",
    ),
    Settle(
        f"{PRODUCER}.send_offsets_to_transaction",
        ("offsets",),
        transaction_offsets,
        operation="send_offsets_to_transaction",
    ),
    Close(f"{PRODUCER}.stop"),
)
