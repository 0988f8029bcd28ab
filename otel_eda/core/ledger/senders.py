"""What has come from senders that number their messages: losses, repeats, and what came out of order."""

from __future__ import annotations

from otel_eda.core.ledger.intervals import Sequence
from otel_eda.core.runtime.state import on_fork, on_reset

MAX_SENDERS = 10_000


class Senders:
    """The sequences of the senders note_arrival last."""

    __slots__ = ("_sequences",)

    def __init__(self) -> None:
        self._sequences: dict[str, Sequence] = {}

    def of(self, sender: str) -> Sequence:
        """Give a sender's sequence."""
        found = self._sequences.get(sender)
        if found is None:
            found = self._sequences.setdefault(sender, Sequence())
            if len(self._sequences) > MAX_SENDERS:
                self._sequences.pop(next(iter(self._sequences)), None)
        return found

    def clear(self) -> None:
        """Begin anew, in a forked child: what it was forked from may hold a lock."""
        self._sequences.clear()


shared_senders = Senders()
"""Of senders that share their messages out among receivers, of which this process may have several."""
on_reset(shared_senders.clear)
on_fork(shared_senders.clear)  # what it was forked from may hold a lock
