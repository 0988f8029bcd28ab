"""The asyncio clients, which call the clients of the other modules in threads of their own."""

from __future__ import annotations

from typing import Any

from otel_eda.core import Carry, Close, Message, ReceiveBatch, ReceiveOne, Reported, Send, Settle, report_future

from .consumer import batches, named_offsets
from .messages import positions
from .producer import outgoing, receipt

AIO = ("confluent_kafka.aio", "confluent_kafka.experimental.aio")
SIGNATURES = {
    "AIOProducer.produce": "(self, topic, value=None, key=None, *_, partition=-1, **__)",
    "AIOConsumer.commit": "(self, message=None, offsets=None, async_=True, asynchronous=True, **_)",
}


def outgoing_message(client: Any, topic: Any, value: Any, partition: Any, key: Any) -> Message | None:
    """Return the message that a call sends; these clients send no headers."""
    return outgoing(client, topic, value, None, partition, key)


def inner_client(client: Any) -> Any:
    """Return the client that an asyncio client calls, which knows the configuration of both."""
    parts: dict[str, Any] = getattr(client, "__dict__", {})
    return parts.get("_consumer", parts.get("_producer", client)) if "executor" in parts else client


SHAPES = tuple(
    shape
    for module in AIO
    for shape in (
        Carry(f"{module}._common:async_call?", "blocking_task"),
        Send(
            f"{module}:AIOProducer.produce?",
            ("topic", "value", "partition", "key"),
            outgoing_message,
            None,
            Reported(report_future),
            receipt,
            operation="produce",
        ),
        Close(f"{module}:AIOProducer.close?"),
        ReceiveOne(f"{module}:AIOConsumer.poll?", timed=False),
        ReceiveBatch(f"{module}:AIOConsumer.consume?", batches, operation="consume", timed=False),
        Settle(f"{module}:AIOConsumer.commit?", ("message", "offsets"), named_offsets, settled=positions),
        Close(f"{module}:AIOConsumer.close?"),
    )
)
