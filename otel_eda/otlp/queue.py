"""Holds received requests until they are read: a bounded number of bytes, beyond which requests are refused.

A queue that was closed refuses all, so that what was taken is what is read.
"""

from __future__ import annotations

import time
from collections import deque
from threading import Lock
from typing import TYPE_CHECKING

from . import UNAVAILABLE, Refusal

if TYPE_CHECKING:
    from . import Export

QUEUE_BYTES = 64 << 20


class ExportQueue:
    """A bounded queue that is a sink; `drain` empties it, and `close` has it take no more."""

    def __init__(self, limit: int = QUEUE_BYTES) -> None:
        self.limit = limit
        self.held = 0
        self.closed = False
        self._queue: deque[tuple[float, str, bytes]] = deque()
        self._lock = Lock()

    def __call__(self, export: Export) -> None:
        """Keep a request's bytes; raises `Refusal` if there is no room for them."""
        size = len(export.body)
        if size > self.limit:
            raise Refusal(413, "too large")
        with self._lock:
            if self.closed:
                raise Refusal(UNAVAILABLE, "it ends")
            if self.held + size > self.limit:
                raise Refusal(UNAVAILABLE, "no room")
            self._queue.append((time.monotonic(), export.signal, export.body))
            self.held += size

    def close(self) -> None:
        """Refuse what comes from now on: exporters try again, maybe at whoever listens next."""
        with self._lock:
            self.closed = True

    def drain(self, most: int = QUEUE_BYTES) -> list[tuple[str, bytes]]:
        """Take out requests, the oldest first, and return signal and bytes of each; stop after `most` bytes."""
        taken = []
        with self._lock:
            while self._queue and most > 0:
                _, signal, body = self._queue.popleft()
                taken.append((signal, body))
                most -= len(body)
                self.held -= len(body)
        return taken

    def behind(self) -> float:
        """Return for how many seconds the oldest request has waited; 0 if there is none."""
        with self._lock:
            return time.monotonic() - self._queue[0][0] if self._queue else 0.0
