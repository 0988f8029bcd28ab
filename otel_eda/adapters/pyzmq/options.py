"""Options and constants of ZeroMQ, by its own numbers (zmq.h), so that the library need not be imported."""

from __future__ import annotations

import sys
from typing import Any

DONTWAIT, SNDMORE, RCVMORE, TYPE, EVENTS, POLLIN, LAST_ENDPOINT = 1, 2, 13, 16, 15, 1, 32
CONFLATE = 54
SUBSCRIBE, UNSUBSCRIBE = 6, 7
SUB, REQ, XPUB, XSUB = 2, 3, 9, 10  # later types have messages of one frame, or streams of bytes
SUBSCRIPTIONS = (b"\0", b"\1")
# Endpoints of the library's own, or of a protocol with a fixed number of frames.
RESERVED = ("inproc://monitor.", "inproc://pyzmq.gc.", "inproc://zeromq.zap.")


def beginning(data: Any) -> bytes:
    """Return the first byte of a frame, or nothing for an object that the library refuses."""
    try:
        return bytes(memoryview(data)[:1])
    except (TypeError, ValueError):
        return b""  # the library refuses it with its own error


def option(socket: Any, which: int) -> Any:
    """Return an option of a socket, asked of the library itself and not of the application's subclass."""
    return base().get(socket, which)


def base() -> Any:
    """Return the class beneath the library's own `Socket`, which nobody changes."""
    return sys.modules["zmq.backend"].Socket
