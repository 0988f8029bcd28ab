"""`Producer.produce_batch`, which came with version 2.12."""

from __future__ import annotations

from typing import Any

from otel_eda.core import Message, SendBatch

from .messages import failure

SIGNATURES = {
    "Producer.produce_batch": "(self, topic, messages, partition=-1, callback=..., on_delivery=...)",
}


def outgoing_list(_: Any, topic: Any, messages: Any, partition: Any) -> Message | None:
    """Return the message that stands for a list of messages, or None for a call that the library will refuse.

    It is also None for a call by the asyncio client, whose sends have spans of their own.
    """
    if (
        not isinstance(topic, str)
        or not isinstance(messages, list)
        or not all(isinstance(item, dict) for item in messages)
    ):
        return None
    if not messages or getattr(callback(messages[0]), "__module__", "").startswith("confluent_kafka."):
        return None
    return Message(topic, str(partition) if isinstance(partition, int) and partition >= 0 else None)


def callback(message: dict[str, Any]) -> Any:
    """Return the callback that a message of the list names."""
    return message.get("callback")


def with_callback(message: dict[str, Any], callback: Any) -> dict[str, Any]:
    """Return a copy of a message of the list with another callback."""
    return {**message, "callback": callback}


def refused(message: dict[str, Any], copy: dict[str, Any]) -> BaseException | None:
    """Return the exception with which a message of the list was refused, or None; the original gets the error, too."""
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
        outgoing_list,
        callback,
        with_callback,
        refused,
        failure,
        operation="produce",
    ),
)
