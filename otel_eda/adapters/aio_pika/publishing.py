"""Readers of what aio-pika publishes, and copies of it with more headers."""

from __future__ import annotations

from functools import cache
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any

from otel_eda import semconv
from otel_eda.adapters._amqp import attributes, merged_headers, text
from otel_eda.adapters._rabbitmq import destination, is_direct_reply
from otel_eda.core import Message, Outcome

from .messages import timestamp_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def outgoing(exchange: Any, message: Any, key: Any) -> Message | None:
    """Return the message that a call publishes, or None for a call that aio-pika will refuse."""
    if not (isinstance(key, str) and hasattr(message, "headers") and hasattr(exchange, "channel")):
        return None  # the client refuses it with its own error
    return Message(
        destination(exchange.name, key),
        headers=message.headers,
        timestamp=timestamp_of(getattr(message, "timestamp", None), message.headers),
        id=text(getattr(message, "message_id", None)),
        conversation=text(getattr(message, "correlation_id", None)),
        attributes=attributes(key, None),
    )


def with_headers(message: Any, added: Mapping[str, str]) -> Any:
    """Return a copy of a message, of its own class and with all its attributes, with more headers."""
    headers = merged_headers(message.headers, added, bytearray)
    if headers is None or any(not isinstance(name, str) for name in headers):
        return None  # the client refuses it with its own error
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
    members = (value for base in kind.__mro__ for value in vars(base).values())
    return [value for value in members if isinstance(value, MemberDescriptorType)]


def report(answer: Any, done: Callable[[Any], None], failed: Callable[[BaseException], None]) -> None:
    """Call one of two callbacks with the answer to a publication: a message that the broker returns has failed."""
    sent_back: Any = getattr(answer, "delivery", None)
    code = getattr(sent_back, "reply_code", None)
    if code is None or is_direct_reply(sent_back.exchange, sent_back.routing_key):
        done(answer)
    else:
        failed(Outcome(semconv.RETURNED, f"{code} {sent_back.reply_text}"))


def answers(error: BaseException) -> bool:
    """Return whether an exception is the broker's answer: the one that holds a frame of the broker."""
    return getattr(error, "frame", None) is not None
