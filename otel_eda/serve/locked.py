"""A file that one process at a time holds, or several that share it."""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Hold a file during the block and yield whether that is so: no process holds it after its end."""
    with path.open("ab") as file:
        yield _taken(file.fileno())


@contextmanager
def shared(path: Path) -> Iterator[None]:
    """Share a file during the block, if it is there: nobody holds it alone meanwhile. On Windows nobody is kept out."""
    with ExitStack() as stack:
        with suppress(OSError):
            file = stack.enter_context(path.open("rb"))
            if sys.platform != "win32":
                import fcntl

                fcntl.flock(file.fileno(), fcntl.LOCK_SH)
        yield


def _taken(number: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
