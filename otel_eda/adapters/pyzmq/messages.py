"""Readers of messages and sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_eda import semconv
from otel_eda.core import Identity, Message, finish

from .addresses import server
from .known import owner, wire_of
from .options import REQ, SNDMORE, SUBSCRIPTIONS, XSUB, beginning, option
from .outbox import propagates

if TYPE_CHECKING:
    from collections.abc import Callable

    from .wire import Wire

ROUTING_ID = 5
UNSHARED_TYPES = (0, 2, XSUB)  # PAIR, SUB, XSUB: each such socket gets all that its sender sends


def identify(socket: Any) -> Identity:
    """Return the identity of a socket, from its options and its address."""
    if socket.closed:
        return Identity()
    client = option(socket, ROUTING_ID).decode("utf-8", "replace") or None
    wire = wire_of(socket)
    return Identity(client, None, *server(wire.endpoint if wire else ""))


def outgoing(socket: Any, data: Any, flags: Any) -> Message | None:
    """Return the message that a call sends, or None for a part that others follow, and for a subscription."""
    wire = wire_of(socket)
    if wire is None or not isinstance(flags, int) or flags & SNDMORE:
        return None
    if wire.kind == XSUB and beginning(data) in SUBSCRIPTIONS:
        if memoryview(data).nbytes == 1:
            wire.subscribed = beginning(data) == SUBSCRIPTIONS[1]
        return None
    if wire.kind == REQ:
        finish(owner(socket))  # a new request is not caused by the last answer
    wire.outbox.pending, wire.outbox.last_sequence = propagates(wire.destination) and not wire.conflates, None
    return Message(wire.destination)


def parts(socket: Any, msg_parts: Any, flags: Any) -> Message | None:
    """Return the message that a call sends in several parts."""
    return outgoing(socket, msg_parts[0] if isinstance(msg_parts, (list, tuple)) and msg_parts else b"", flags)


def receipt(socket: Any) -> Callable[[Any], Message | None]:
    """Return what reads the number of a message that was sent."""
    wire = wire_of(socket)
    return lambda _: numbered(wire, None if wire is None else wire.outbox.last_sequence)


def numbered(wire: Wire | None, number: int | None) -> Message | None:
    """Return a sent message with its number, or None if it has none."""
    if wire is None or number is None:
        return None
    return Message(wire.destination, attributes={semconv.SENDER: wire.outbox.sender, semconv.SEQUENCE: number})


def reader(socket: Any, _: Any) -> Callable[[Any], Message | None]:
    """Return what reads the message that was received last."""
    wire = wire_of(socket)
    return lambda _: None if wire is None else incoming(wire)


def incoming(wire: Wire) -> Message | None:
    """Return the message that was received, or None before its last part, and for a subscription."""
    if not wire.message_complete or wire.was_subscription:
        return None
    trailer, wire.trailer = wire.trailer, None
    if trailer is None:
        return Message(wire.destination)
    return Message(
        wire.destination,
        headers=trailer.headers,
        timestamp=trailer.timestamp,
        sender=None if wire.filters else trailer.sender,
        sequence=None if wire.filters else trailer.sequence,
        shared=wire.kind not in UNSHARED_TYPES,
    )
