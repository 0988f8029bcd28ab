"""What the library is asked, by its own numbers."""

from __future__ import annotations

import sys
from typing import Any

DONTWAIT, SNDMORE, RCVMORE, TYPE, EVENTS, POLLIN, LAST_ENDPOINT = 1, 2, 13, 16, 15, 1, 32
CONFLATE = 54
SUBSCRIBE, UNSUBSCRIBE = 6, 7
SUB, REQ, XPUB, XSUB = 2, 3, 9, 10  # the types after it have messages of one frame, or streams of bytes
SUBSCRIPTIONS = (b"\0", b"\1")
# The library's own, or of a protocol with a fixed number of frames.
RESERVED = ("inproc://monitor.", "inproc://pyzmq.gc.", "inproc://zeromq.zap.")


def beginning(data: Any) -> bytes:
    """Give the first byte of what may be sent."""
    try:
        return bytes(memoryview(data)[:1])
    except (TypeError, ValueError):
        return b""  # the library refuses it


def option(socket: Any, which: int) -> Any:
    """Ask the library itself, not the application's subclass, for a socket's option."""
    return base().get(socket, which)


def base() -> Any:
    """Give the class beneath the library's own, which nobody changes."""
    return sys.modules["zmq.backend"].Socket
