"""Readers of the calls of pika's channels, and of the callbacks that pika calls."""

from __future__ import annotations

import copy
import sys
from typing import TYPE_CHECKING, Any

from otel_eda.adapters._amqp import merged_headers
from otel_eda.adapters._rabbitmq import destination, is_direct_reply
from otel_eda.core import Message, PublisherConfirm, Tags

from .messages import owner, read, sent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Read = Callable[..., Message | None]


def outgoing(channel: Any, exchange: Any, routing_key: Any, properties: Any, _: Any = None) -> Message | None:
    """Return the message that a call publishes, or None for an inner call or one that pika will refuse."""
    if owner(channel) is not channel:
        return None
    if isinstance(exchange, bytes):
        exchange = exchange.decode("utf-8", "replace")
    if isinstance(routing_key, bytes):
        routing_key = routing_key.decode("utf-8", "replace")
    if not isinstance(exchange, str) or not isinstance(routing_key, str):
        return None
    return sent(exchange, routing_key, properties)


def with_headers(properties: Any, added: Mapping[str, str]) -> Any:
    """Return a copy of a message's properties with more headers, or None if they are no properties."""
    kind: Any = sys.modules["pika.spec"].BasicProperties
    if not properties:
        return kind(headers=dict(added))
    headers = merged_headers(properties.headers, added) if isinstance(properties, kind) else None
    if headers is None:
        return None
    if type(properties) is kind:  # `copy.copy` takes six times as long
        copied = object.__new__(kind)
        vars(copied).update(vars(properties))
    else:
        copied = copy.copy(properties)
    copied.headers = headers
    return copied


def no_receipt(_: Any) -> Callable[[Any], None]:
    """Return what reads the result of a publish, which says nothing."""
    return lambda _: None


def callback_reader(channel: Any, queue: str, auto_ack: bool) -> Read | None:
    """Return what reads the arguments of a consumer's callback, or None for a callback of pika's own."""
    if owner(channel) is not channel:
        return None
    return lambda _, *parts: read(parts[0], parts[1], queue, not auto_ack, parts)


def parts_reader(_: Any, queue: str, auto_ack: bool) -> Read:
    """Return what reads the three parts of a message that a call or a generator returns."""
    return lambda parts: read(parts[0], parts[1], queue, not auto_ack, parts) if parts[0] else None


def queue_depth(answer: Any) -> tuple[str, int]:
    """Return the name of a declared queue, and the number of messages in it."""
    return destination("", answer.method.queue), answer.method.message_count


def tags(channel: Any, delivery_tag: Any, multiple: bool = False, requeue: bool | None = None) -> Tags | None:
    """Return the tags that an acknowledgement stands for, or None for an inner call."""
    return (
        Tags(delivery_tag, multiple, requeue) if owner(channel) is channel and isinstance(delivery_tag, int) else None
    )


def reject_tags(channel: Any, delivery_tag: Any, requeue: bool) -> Tags | None:
    """Return the tag of a rejected message, or None for an inner call."""
    return tags(channel, delivery_tag, requeue=requeue)


def confirm(frame: Any) -> PublisherConfirm:
    """Return the publisher confirm of a frame, `Basic.Ack` or `Basic.Nack`: https://www.rabbitmq.com/docs/confirms."""
    method = frame.method
    return PublisherConfirm(method.delivery_tag, method.multiple, refused=method.NAME == "Basic.Nack")


def returned_message(method: Any, header: Any) -> tuple[Message, str] | None:
    """Return the message that the broker sends back by `Basic.Return`, and the reason; None if that says nothing."""
    basic_return = method.method
    if is_direct_reply(basic_return.exchange, basic_return.routing_key):
        return None
    return sent(
        basic_return.exchange, basic_return.routing_key, header.properties
    ), f"{basic_return.reply_code} {basic_return.reply_text}"
