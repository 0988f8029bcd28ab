"""Errors of the library."""

from __future__ import annotations

import errno
import sys
from typing import Any

TERMINATED = 156384765  # ETERM: the context is at its end, and whoever waits is told so


def code(error: BaseException) -> str | None:
    """Return the name of an error's number, where the library has no class for it."""
    zmq: Any = sys.modules.get("zmq")
    if zmq is None or type(error) is not zmq.ZMQError:
        return None
    return next((known.name for known in zmq.Errno if known == error.errno), None)  # type: ignore[attr-defined]


def empty(error: BaseException) -> bool:
    """Tell the exceptions by which nothing has come, or nothing ever will."""
    return getattr(error, "errno", None) in {errno.EAGAIN, TERMINATED}
