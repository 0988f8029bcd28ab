"""What is done in a forked child."""

from __future__ import annotations

import os
import signal
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 60  # seconds, after which a child that hangs ends by SIGALRM


def in_child(act: Callable[[], object]) -> str:
    """Fork, act in the child, which ends with that, and give what it returned or raised as text."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads, which other tests may have left
        child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # the parent's handler is the one of its own time limit
        signal.alarm(LIMIT)
        try:
            os.write(writing, repr(act()).encode())
        except BaseException as error:
            os.write(writing, repr(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0, f"the child ended with status {status}"
    return told
