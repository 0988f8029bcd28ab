"""Sockets whose calls give futures: beneath is a socket as any other, which the event loop has send and receive."""

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
    """Receive now or later, into a future that knows its message."""
    wire = wire_of(args[0])
    if wire is not None and "future" not in kwargs and args[0]._Future is Future:
        kwargs["future"] = future = MessageFuture()
        future.read = lambda: incoming(wire)
    return within(original, *args, **kwargs)


def deserialize(original: Function, *args: Any, **kwargs: Any) -> Any:
    """Make something of what a future will give."""
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
    """Send now or later."""
    future = within(original, *args, **kwargs)
    _note(wire_of(args[0]), future)
    return future


@guarded
def _note(wire: Wire | None, future: Future[Any]) -> None:
    if wire is not None and wire.out.sent is not None:
        numbers[future] = wire.out.sent
    elif wire is not None and wire.out.carries:  # it waits
        wire.out.carries = False
        headers[future] = inject()


def send_next(original: Function, *args: Any, **kwargs: Any) -> Any:
    """Send what has waited longest."""
    events = args[0]._send_futures or ()
    future = next((event.future for event in events if not event.future.done()), None)
    wire = wire_of(args[0])
    if future is None or wire is None or future not in headers:
        return within(original, *args, **kwargs)
    wire.out.carries, wire.out.headers, wire.out.sent = True, headers.pop(future), None
    result = within(original, *args, **kwargs)
    wire.out.carries, wire.out.headers = False, None
    _note(wire, future)
    return result


def report(future: Any, done: Callable[[Any], None], failed: Callable[[BaseException], None]) -> None:
    """Have what became of a future reported."""
    report_future(future, lambda _: done(future), failed)


def receipt(socket: Any) -> Callable[[Any], Message | None]:
    """Give what reads the number of a message that was sent."""
    wire = wire_of(socket)
    return lambda future: numbered(wire, numbers.pop(future, None))


def poll(original: Function, *args: Any, **kwargs: Any) -> Any:
    """Poll sockets: a task that does so is done with what they gave."""
    for socket, flags in args[0].sockets:
        if flags & POLLIN and hasattr(socket, "underlying"):
            finish(owner(socket))
    return original(*args, **kwargs)
