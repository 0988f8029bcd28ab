"""How aio-pika's messages are read."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from otel_eda.adapters._amqp import attributes, deliveries, destination, stamp, text
from otel_eda.core import Message, Tags

if TYPE_CHECKING:
    from collections.abc import Callable

    Read = Callable[[Any], Message | None]


def read(item: Any, queue: str = "") -> Message | None:
    """Read an incoming message."""
    if not hasattr(item, "_IncomingMessage__channel"):
        return None
    key = item.routing_key or ""
    return Message(
        destination(item.exchange or "", key, queue),
        headers=item.headers,
        timestamp=stamped(item),
        id=text(item.message_id),
        conversation=text(item.correlation_id),
        delivery_tag=item.delivery_tag,
        unsettled=not item.processed,
        redelivered=bool(item.redelivered),
        deliveries=deliveries(item.headers),
        attributes=attributes(key, item.headers),
        ready_count=item.message_count,
        queue=destination("", queue) if queue else None,
    )


def stamped(item: Any) -> int | None:
    """Give the time that a message's sender gave it, in milliseconds since 1970."""
    when, seconds = getattr(item, "timestamp", None), None
    if isinstance(when, datetime):
        with suppress(ValueError, OverflowError, OSError):  # a time at the end of all times
            seconds = int(when.timestamp())
    return stamp(seconds, item.headers)


def reader(queue: Any, *_: Any) -> Read:
    """Give what reads the messages of a queue, or of its iterator."""
    return partial(read, queue=getattr(queue, "_amqp_queue", queue).name)


def delivered(queue: Any, callback: Any) -> Read | None:
    """Give what reads the messages of a queue, None for the callback that its iterator registers."""
    return None if hasattr(getattr(callback, "__self__", None), "_amqp_queue") else reader(queue)


def declared(queue: Any) -> tuple[str, int] | None:
    """Read what a declaration gives; without an answer there is no number."""
    number = getattr(queue.declaration_result, "message_count", None)
    return None if number is None else (destination("", queue.name), number)


def tags(message: Any, multiple: bool = False, requeue: bool | None = None) -> Tags | None:
    """Say which messages are settled, None for a message that is none of a channel's."""
    return None if message.delivery_tag is None else Tags(message.delivery_tag, bool(multiple), requeue)


def rejected(message: Any, requeue: bool) -> Tags | None:
    """Say which message is rejected."""
    return tags(message, requeue=requeue)
