"""Locks for what happens rarely: taking one costs too much for what happens with every message."""

from __future__ import annotations

from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING

from otel_eda.core.runtime.state import on_fork

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATIENCE_S = 1.0


class PatientLock:
    """A lock that a thread may take twice, that no thread waits for longer than a second, and that a fork frees.

    What runs under it may call an SDK, which has locks of its own and calls us back under them (it does so for
    observable instruments): two threads that wait for each other both go on after that second.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        on_fork(self._renew)  # in the child nobody is left who would release it

    def _renew(self) -> None:
        self._lock = RLock()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock for the length of the block, or go on without it after a second."""
        lock = self._lock
        taken = lock.acquire(timeout=_PATIENCE_S)
        try:
            yield
        finally:
            if taken:
                lock.release()
