"""The calls that frames pass through: a trailer follows the last frame of a message, and no application sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .known import wire_of
from .options import SNDMORE, base

if TYPE_CHECKING:
    from collections.abc import Callable

    from .wire import Wire

    Function = Callable[..., Any]


def send(original: Function, *args: Any, **kwargs: Any) -> Any:
    """Send a frame, and after the last frame of a message its trailer."""
    wire = wire_of(args[0]) if args else None
    flags = args[2] if len(args) > 2 else kwargs.get("flags", 0)
    trailer = wire.outbox.pack(flags) if wire is not None and wire.outbox.pending else None
    if wire is None or trailer is None:
        return original(*args, **kwargs)
    if len(args) > 2:
        args = (*args[:2], flags | SNDMORE, *args[3:])
    else:
        kwargs["flags"] = flags | SNDMORE
    result = original(*args, **kwargs)
    base().send(args[0], trailer, flags)
    wire.outbox.count_sent()
    return result


def recv(original: Function, *args: Any, **kwargs: Any) -> Any:
    """Receive a frame; after the last but the trailer, receive that, too."""
    wire = wire_of(args[0]) if args else None
    if wire is None or wire.receives_all_frames:
        return original(*args, **kwargs)
    part = original(*args, **kwargs) if wire.held_frame is None else _as_asked(wire, *args[1:], **kwargs)
    wire.receive_ahead(args[0], part)
    return part


def _as_asked(wire: Wire, _: int = 0, copy: bool = True, track: bool = False, **__: Any) -> Any:
    frame = wire.release()
    if copy:
        return frame.bytes
    if track:
        frame, more = type(frame)(frame.bytes, track=True, copy=True), frame.more
        frame.more = more
    return frame


def recv_multipart(original: Function, *args: Any, **kwargs: Any) -> Any:
    """Receive a message, or the rest of it, without its trailer."""
    wire = wire_of(args[0]) if args else None
    if wire is None or wire.held_frame is not None:
        return original(*args, **kwargs)
    wire.receives_all_frames = True
    try:
        parts = original(*args, **kwargs)
    finally:
        wire.receives_all_frames = False
    wire.take_trailer(parts)
    return parts


def recv_into(original: Function, *args: Any, **kwargs: Any) -> Any:
    """Receive a frame into a buffer."""
    wire = wire_of(args[0]) if args else None
    if wire is None:
        return original(*args, **kwargs)
    size = original(*args, **kwargs) if wire.held_frame is None else _into(wire, *args[1:], **kwargs)
    wire.receive_ahead(args[0], None)
    return size


def _into(wire: Wire, buffer: Any, nbytes: int = 0, **_: Any) -> int:
    with memoryview(buffer).cast("B") as view:
        room = nbytes or view.nbytes
        frame = wire.held_frame
        if room > view.nbytes:
            raise ValueError(f"{nbytes=} too big for memoryview of {view.nbytes}B")
        if view.readonly:
            raise BufferError("Object is not writable.")
        view[: min(room, len(frame))] = frame.buffer[:room]
    wire.release()
    return len(frame)
