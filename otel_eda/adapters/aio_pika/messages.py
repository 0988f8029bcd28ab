"""How aio-pika's messages are read, and copied with more headers."""

from __future__ import annotations

from functools import cache, partial
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any

from otel_eda.adapters._amqp import attributes, deliveries, destination, merged, stamp, text
from otel_eda.core import Message, Outcome, Tags, keys

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Read = Callable[[Any], Message | None]


def read(item: Any, queue: str = "") -> Message | None:
    """Read an incoming message."""
    if not hasattr(item, "_IncomingMessage__channel"):
        return None
    key = item.routing_key or ""
    return Message(
        destination(item.exchange or "", key, queue),
        headers=item.headers,
        timestamp=stamp(item.timestamp and int(item.timestamp.timestamp()), item.headers),
        id=text(item.message_id),
        conversation=text(item.correlation_id),
        tag=item.delivery_tag,
        unsettled=not item.processed,
        redelivered=bool(item.redelivered),
        deliveries=deliveries(item.headers),
        attributes=attributes(key, item.headers),
    )


def reader(queue: Any, *_: Any) -> Read:
    """Give what reads the messages of a queue, or of its iterator."""
    return partial(read, queue=getattr(queue, "_amqp_queue", queue).name)


def delivered(queue: Any, callback: Any) -> Read | None:
    """Give what reads the messages of a queue, None for the callback that its iterator registers."""
    return None if hasattr(getattr(callback, "__self__", None), "_amqp_queue") else reader(queue)


def tags(message: Any, multiple: bool = False, requeue: bool | None = None) -> Tags | None:
    """Say which messages are settled, None for a message that is none of a channel's."""
    return None if message.delivery_tag is None else Tags(message.delivery_tag, bool(multiple), requeue)


def rejected(message: Any, requeue: bool) -> Tags | None:
    """Say which message is rejected."""
    return tags(message, requeue=requeue)


def outgoing(exchange: Any, message: Any, key: Any) -> Message | None:
    """Read what is to be published."""
    if not (isinstance(key, str) and hasattr(message, "headers") and hasattr(exchange, "channel")):
        return None  # the client refuses it, and is to say so itself
    return Message(
        destination(exchange.name, key),
        headers=message.headers,
        id=text(getattr(message, "message_id", None)),
        conversation=text(getattr(message, "correlation_id", None)),
        attributes=attributes(key, None),
    )


def put(message: Any, more: Mapping[str, str]) -> Any:
    """Give a copy of a message, of its own class and with all that it has, with more headers."""
    headers = merged(message.headers, more, bytearray)
    if headers is None or any(not isinstance(name, str) for name in headers):
        return None  # the client refuses it, and is to say so itself
    copied = object.__new__(type(message))
    for slot in _slots(type(message)):  # type: ignore[arg-type]  # a class is hashable
        try:
            slot.__set__(copied, slot.__get__(message))
        except AttributeError:  # noqa: PERF203  # it costs nothing where all slots are filled
            continue
    if hasattr(message, "__dict__"):
        copied.__dict__.update(message.__dict__)
    object.__setattr__(copied, "headers", headers)  # it may be locked
    return copied


@cache
def _slots(kind: type) -> list[MemberDescriptorType]:
    found = (value for base in kind.__mro__ for value in vars(base).values())
    return [value for value in found if isinstance(value, MemberDescriptorType)]


def report(answer: Any, done: Callable[[Any], None], failed: Callable[[BaseException], None]) -> None:
    """Have the answer to a publication reported: nobody wanted a message that the broker gives back."""
    code = getattr(getattr(answer, "delivery", None), "reply_code", None)
    if code is None:
        done(answer)
    else:
        failed(Outcome(keys.RETURNED, f"{code} {answer.delivery.reply_text}"))
