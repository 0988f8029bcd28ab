"""How long the code between two messages takes, and whether messages outlive it: for `otel-eda doctor` alone.

A loop that hands its messages on to threads takes microseconds for each, and somebody else holds them when it is two
messages further.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_eda.core.process.processing import observers
from otel_eda.core.runtime.state import on_fork

if TYPE_CHECKING:
    from otel_eda.core.process.processing import Processing

_OWN_REFERENCES = 2  # references to a message that only `BodyTimes` holds: its own and the question's


@dataclass
class BodyTimes:
    """The process spans of one destination that no call surrounds: their number and time, and how many are held."""

    messages: int = 0
    nanoseconds: int = 0
    held: int = 0
    last: Any = None

    def add(self, processing: Processing, end: int) -> None:
        """Count a process span that ends; the message before it is looked at, since loops still hold their last."""
        self.held += self.last is not None and sys.getrefcount(self.last) > _OWN_REFERENCES
        self.last = processing.record
        self.messages += 1
        self.nanoseconds += max(end - processing.start, 0)


by_destination: dict[tuple[str, str], BodyTimes] = {}
"""The times by the system and the destination of the messages."""
on_fork(by_destination.clear)


def start() -> None:
    """Measure from now on; a second call does nothing."""
    if _measure not in observers:
        observers.append(_measure)


def _measure(processing: Processing, end: int) -> None:
    if processing.in_callback or processing.manual or processing.polled:  # a batch holds its messages itself
        return
    key = processing.client.library.system, processing.route.destination
    by_destination.setdefault(key, BodyTimes()).add(processing, end)
