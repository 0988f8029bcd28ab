"""The sequences of senders that number their messages."""

from __future__ import annotations

from otel_eda.core.ledger.intervals import Sequence
from otel_eda.core.runtime.bounds import drop_oldest
from otel_eda.core.runtime.state import on_fork, on_reset

MAX_SENDERS = 10_000


class Senders:
    """The sequences of the senders whose messages arrived last, at most `MAX_SENDERS`."""

    __slots__ = ("_sequences",)

    def __init__(self) -> None:
        self._sequences: dict[str, Sequence] = {}

    def of(self, sender: str) -> Sequence:
        """Return the sequence of a sender, made at its first message."""
        sequence = self._sequences.get(sender)
        if sequence is None:
            sequence = self._sequences.setdefault(sender, Sequence())
            drop_oldest(self._sequences, MAX_SENDERS)
        return sequence

    def clear(self) -> None:
        """Drop all sequences; a forked child must, since the parent may have held one of their locks."""
        self._sequences.clear()


shared_senders = Senders()
"""The sequences of senders that number messages across several receivers, of which this process may have some."""
on_reset(shared_senders.clear)
on_fork(shared_senders.clear)
