"""What was received and is not used yet: so many bytes of it, and whoever comes with more is told to come again."""

from __future__ import annotations

from collections import deque
from threading import Lock
from typing import TYPE_CHECKING

from . import FULL, Refusal

if TYPE_CHECKING:
    from . import Export

ROOM = 64 << 20


class Inbox:
    """A bounded queue that is a sink; `drain` empties it."""

    def __init__(self, room: int = ROOM) -> None:
        self.room = room
        self.held = 0
        self._queue: deque[tuple[str, bytes]] = deque()
        self._lock = Lock()

    def __call__(self, export: Export) -> None:
        """Keep a request's bytes; raises `Refusal` if there is no room for them."""
        size = len(export.body)
        if size > self.room:
            raise Refusal(413, "too large")
        with self._lock:
            if self.held + size > self.room:
                raise Refusal(FULL, "no room")
            self._queue.append((export.signal, export.body))
            self.held += size

    def drain(self, most: int = ROOM) -> list[tuple[str, bytes]]:
        """Give what has come, in its order: signal and bytes; `most` bytes and one request at most."""
        taken = []
        with self._lock:
            while self._queue and most > 0:
                taken.append(self._queue.popleft())
                most -= len(taken[-1][1])
                self.held -= len(taken[-1][1])
        return taken
