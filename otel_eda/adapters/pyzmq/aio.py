"""Sockets whose calls return futures; the event loop sends and receives with a plain socket beneath."""

from __future__ import annotations

from asyncio import Future
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from otel_eda.core import MessageFuture, finish, guarded, inject, report_future, within

from .known import owner, wire_of
from .messages import incoming, numbered
from .options import POLLIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_eda.core import Message

    from .wire import Wire

    Function = Callable[..., Any]

headers: WeakKeyDictionary[Future[Any], dict[str, str]] = WeakKeyDictionary()
"""The headers of messages that wait to be sent."""
numbers: WeakKeyDictionary[Future[Any], int] = WeakKeyDictionary()
"""The numbers of those that were sent."""


def receive(original: Function, *args: Any, **kwargs: Any) -> Any:
    """Receive now or later, and return a future that knows its message."""
    wire = wire_of(args[0])
    if wire is not None and "future" not in kwargs and args[0]._Future is Future:
        kwargs["future"] = future = MessageFuture()
        future.read = lambda: incoming(wire)
    return within(original, *args, **kwargs)


def deserialize(original: Function, *args: Any, **kwargs: Any) -> Any:
    """Return a future for the deserialized message of another future."""
    socket, source = args[:2]
    if not isinstance(source, MessageFuture):
        return original(*args, **kwargs)
    socket.__dict__["_Future"] = MessageFuture
    try:
        future = original(*args, **kwargs)
    finally:
        del socket.__dict__["_Future"]
    future.source = source
    return future


def send(original: Function, *args: Any, **kwargs: Any) -> Any:
    """Send now or later, and return the future."""
    future = within(original, *args, **kwargs)
    _note(wire_of(args[0]), future)
    return future


@guarded
def _note(wire: Wire | None, future: Future[Any]) -> None:
    if wire is not None and wire.outbox.last_sequence is not None:
        numbers[future] = wire.outbox.last_sequence
    elif wire is not None and wire.outbox.pending:  # the message waits
        wire.outbox.pending = False
        headers[future] = inject()


def send_next(original: Function, *args: Any, **kwargs: Any) -> Any:
    """Send the message that has waited longest, with the headers that it had when it was to be sent."""
    events = args[0]._send_futures or ()
    future = next((event.future for event in events if not event.future.done()), None)
    wire = wire_of(args[0])
    if future is None or wire is None or future not in headers:
        return within(original, *args, **kwargs)
    wire.outbox.pending, wire.outbox.headers, wire.outbox.last_sequence = True, headers.pop(future), None
    result = within(original, *args, **kwargs)
    wire.outbox.pending, wire.outbox.headers = False, None
    _note(wire, future)
    return result


def report(future: Any, done: Callable[[Any], None], failed: Callable[[BaseException], None]) -> None:
    """Call one of two callbacks with the outcome of a future."""
    report_future(future, lambda _: done(future), failed)


def receipt(socket: Any) -> Callable[[Any], Message | None]:
    """Return what reads the number of a message that was sent."""
    wire = wire_of(socket)
    return lambda future: numbered(wire, numbers.pop(future, None))


def poll(original: Function, *args: Any, **kwargs: Any) -> Any:
    """Poll sockets; a task that polls has processed what it received from them."""
    for socket, flags in args[0].sockets:
        if flags & POLLIN and hasattr(socket, "underlying"):
            finish(owner(socket))
    return original(*args, **kwargs)
