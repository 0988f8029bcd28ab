"""Reads what pika is called with, and what it calls."""

from __future__ import annotations

import copy
import sys
from typing import TYPE_CHECKING, Any

from otel_eda.adapters._amqp import destination, merged
from otel_eda.core import Message, PublisherConfirm, Tags

from .messages import delivered, owner, read, sent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Read = Callable[..., Message | None]


def outgoing(channel: Any, exchange: Any, routing_key: Any, properties: Any) -> Message | None:
    """Read what is to be sent."""
    if owner(channel) is not channel:
        return None
    if isinstance(exchange, bytes):
        exchange = exchange.decode("utf-8", "replace")
    if isinstance(routing_key, bytes):
        routing_key = routing_key.decode("utf-8", "replace")
    if not isinstance(exchange, str) or not isinstance(routing_key, str):
        return None
    return sent(exchange, routing_key, properties)


def put(properties: Any, more: Mapping[str, str]) -> Any:
    """Give a copy of a message's properties with more headers; None for what are no properties."""
    kind: Any = sys.modules["pika.spec"].BasicProperties
    if not properties:
        return kind(headers=dict(more))
    headers = merged(properties.headers, more) if isinstance(properties, kind) else None
    if headers is None:
        return None
    if type(properties) is kind:  # `copy.copy` takes six times as long
        copied = object.__new__(kind)
        vars(copied).update(vars(properties))
    else:
        copied = copy.copy(properties)
    copied.headers = headers
    return copied


def nothing(_: Any) -> Callable[[Any], None]:
    """Give what reads the answer to a publish: there is nothing in it."""
    return lambda _: None


def called(channel: Any, queue: str, auto_ack: bool) -> Read | None:
    """Read the arguments of a callback."""
    if owner(channel) is not channel:
        return None
    return lambda _, *parts: delivered(parts, queue, not auto_ack)


def given(_: Any, queue: str, auto_ack: bool) -> Read:
    """Read what a call or a generator gives."""
    return lambda parts: read(parts[0], parts[1], queue, not auto_ack) if parts[0] else None


def declared(answer: Any) -> tuple[str, int]:
    """Read the answer to a declaration."""
    return destination("", answer.method.queue), answer.method.message_count


def tags(channel: Any, delivery_tag: Any, multiple: bool = False, requeue: bool | None = None) -> Tags | None:
    """Read what is settled."""
    return (
        Tags(delivery_tag, multiple, requeue) if owner(channel) is channel and isinstance(delivery_tag, int) else None
    )


def rejected(channel: Any, delivery_tag: Any, requeue: bool) -> Tags | None:
    """Read what is rejected."""
    return tags(channel, delivery_tag, requeue=requeue)


def confirm(frame: Any) -> PublisherConfirm:
    """Read a confirm."""
    method = frame.method
    return PublisherConfirm(method.delivery_tag, method.multiple, refused=method.NAME == "Basic.Nack")


def returned(method: Any, header: Any) -> tuple[Message, str]:
    """Read what was sent back."""
    back = method.method
    return sent(back.exchange, back.routing_key, header.properties), f"{back.reply_code} {back.reply_text}"
