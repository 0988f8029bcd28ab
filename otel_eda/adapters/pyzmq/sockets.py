"""The calls about a socket; none of them reveals a frame that is not the application's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_eda.core import finish, guarded

from .known import owner, wire_of, wires
from .options import EVENTS, POLLIN, RCVMORE, SUBSCRIBE, UNSUBSCRIBE
from .wire import holding

if TYPE_CHECKING:
    from collections.abc import Callable

    Function = Callable[..., Any]


def get(original: Function, *args: Any, **kwargs: Any) -> Any:
    """Return an option of a socket; a frame that was received ahead counts as one to come."""
    value = original(*args, **kwargs)
    if holding and value.__class__ is int and (wire := wire_of(args[0])) in holding and not wire.receives_all_frames:
        which = args[1] if len(args) > 1 else kwargs.get("option")
        return 1 if which == RCVMORE else value | POLLIN if which == EVENTS else value
    return value


def set_(original: Function, *args: Any, **kwargs: Any) -> Any:
    """Set an option of a socket, which may be a subscription."""
    result = original(*args, **kwargs)
    _note(*args, **kwargs)
    return result


@guarded
def _note(socket: Any, option: Any, optval: Any) -> None:
    if option in {SUBSCRIBE, UNSUBSCRIBE} and not optval and (wire := wire_of(socket)) is not None:
        wire.subscribed = option == SUBSCRIBE


def poll(original: Function, *args: Any, **kwargs: Any) -> Any:
    """Poll sockets: one that holds a frame is ready, and whoever polls has processed what it received."""
    sockets = args[0] if args and isinstance(args[0], list) else []
    for socket, flags in sockets:
        if flags & POLLIN and hasattr(socket, "underlying"):
            finish(owner(socket))
    ready = [socket for socket, flags in sockets if flags & POLLIN and wire_of(socket) in holding] if holding else []
    if not ready:
        return original(*args, **kwargs)
    events = dict(original(sockets, 0))
    events |= {socket: events.get(socket, 0) | POLLIN for socket in ready}
    return [(socket, events[socket]) for socket, _ in sockets if socket in events]


def close(original: Function, *args: Any, **kwargs: Any) -> Any:
    """Close a socket, and forget it."""
    # Before it is closed: after that another thread's new socket may have its address.
    wire = wires.pop(getattr(args[0], "underlying", 0), None) if args else None
    result = original(*args, **kwargs)
    if wire is not None:
        wire.release()
    return result


def attach(original: Function, *args: Any, **kwargs: Any) -> Any:
    """Bind or connect a socket."""
    result = original(*args, **kwargs)
    wire = wires.get(getattr(args[0], "underlying", 0))
    if wire is not None:
        wire.read_endpoint(args[0])
    return result
