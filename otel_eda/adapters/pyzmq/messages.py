"""Readers of messages and sockets."""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING, Any

from otel_eda import semconv
from otel_eda.core import Identity, Message, config, finish

from .known import owner, wire_of
from .options import REQ, SNDMORE, SUBSCRIPTIONS, XSUB, beginning, option

if TYPE_CHECKING:
    from collections.abc import Callable

    from .wire import Wire

ROUTING_ID = 5
TCP = re.compile(r"tcp://(?:.*;)?([^/]+):(\d{1,5})")
UNSHARED_TYPES = (0, 2, XSUB)  # PAIR, SUB, XSUB: each such socket gets all that its sender sends
ETERM = 156384765  # the context was terminated (zmq.h: ZMQ_HAUSNUMERO + 53)


def identify(socket: Any) -> Identity:
    """Return the identity of a socket, from its options and its address."""
    if socket.closed:
        return Identity()
    client = option(socket, ROUTING_ID).decode("utf-8", "replace") or None
    wire = wire_of(socket)
    server = TCP.fullmatch(wire.endpoint if wire else "")
    return Identity(client) if server is None else Identity(client, None, server[1].strip("[]"), int(server[2]))


def destination(wire: Wire) -> str:
    """Return the name of a socket's destination: without a broker, its address."""
    return wire.endpoint or "unbound"


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
    wire.outbox.pending, wire.outbox.last_sequence = config().zmq_propagate and not wire.conflates, None
    return Message(destination(wire))


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
    return Message(destination(wire), attributes={semconv.SENDER: wire.outbox.sender, semconv.SEQUENCE: number})


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
        return Message(destination(wire))
    return Message(
        destination(wire),
        headers=trailer.headers,
        timestamp=trailer.timestamp,
        sender=None if wire.filters else trailer.sender,
        sequence=None if wire.filters else trailer.sequence,
        shared=wire.kind not in UNSHARED_TYPES,
    )


def empty(error: BaseException) -> bool:
    """Return whether an exception says that no message has come (`EAGAIN`), or that none will (`ETERM`)."""
    return getattr(error, "errno", None) in {errno.EAGAIN, ETERM}
