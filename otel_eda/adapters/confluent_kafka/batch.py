"""`Producer.produce_batch`, which came with 2.12."""

from __future__ import annotations

from typing import Any

from otel_eda.core import Message, SendBatch

from .messages import failure

SIGNATURES = {
    "Producer.produce_batch": "(self, topic, messages, partition=-1, callback=..., on_delivery=...)",
}


def several(_: Any, topic: Any, messages: Any, partition: Any) -> Message | None:
    """Read where several messages go; not what the library refuses, or its asyncio client sends, which has spans."""
    if (
        not isinstance(topic, str)
        or not isinstance(messages, list)
        or not all(isinstance(one, dict) for one in messages)
    ):
        return None
    if not messages or getattr(callback(messages[0]), "__module__", "").startswith("confluent_kafka."):
        return None
    return Message(topic, str(partition) if isinstance(partition, int) and partition >= 0 else None)


def callback(message: dict[str, Any]) -> Any:
    """Give the callback that one of several messages names."""
    return message.get("callback")


def with_callback(message: dict[str, Any], callback: Any) -> dict[str, Any]:
    """Give a copy of one of several messages with another callback."""
    return {**message, "callback": callback}


def refused(message: dict[str, Any], copy: dict[str, Any]) -> BaseException | None:
    """Tell whether one of several messages was refused: then it says so itself."""
    if "_error" not in copy or message is copy:
        return None
    message["_error"] = copy["_error"]
    return failure(copy["_error"])


SHAPES = (
    SendBatch(
        "confluent_kafka:Producer.produce_batch?",
        ("topic", "messages", "partition"),
        "messages",
        ("callback", "on_delivery"),
        several,
        callback,
        with_callback,
        refused,
        failure,
        operation="produce",
    ),
)
