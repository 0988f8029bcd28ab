"""Errors of the library."""

from __future__ import annotations

import errno
import sys
from typing import Any

ETERM = 156384765  # the context was terminated (zmq.h: ZMQ_HAUSNUMERO + 53)


def code(error: BaseException) -> str | None:
    """Return the name of an error's number, or None where the library has a class for the error."""
    zmq: Any = sys.modules.get("zmq")
    if zmq is None or type(error) is not zmq.ZMQError:
        return None
    return next((known.name for known in zmq.Errno if known == error.errno), None)  # type: ignore[attr-defined]


def empty(error: BaseException) -> bool:
    """Return whether an exception says that no message has come (`EAGAIN`), or that none will (`ETERM`)."""
    return getattr(error, "errno", None) in {errno.EAGAIN, ETERM}
