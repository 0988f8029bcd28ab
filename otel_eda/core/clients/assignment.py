"""Which partitions a consumer has, and how far it is with each: what changes leaves as events."""

from __future__ import annotations

import time
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_eda.core.message import Position


PartitionKey = tuple[str, str]
"""Destination and partition."""


POSITION_REPORT_NS = 10_000_000_000
"""Nanoseconds between two reports of how far a consumer is."""


class AssignmentChange(Enum):
    """What a call or callback says of a consumer's partitions."""

    REPLACE = "these, and no others"
    ADD = "these more"
    REMOVE = "these no more"


class Assignment:
    """The partitions of one consumer, the starts of their logs as far as known, and how long it had none."""

    __slots__ = ("_next_report_ns", "_reported", "_unassigned_ns", "_unassigned_since_ns", "partitions", "starts")

    def __init__(self) -> None:
        self.partitions: set[PartitionKey] = set()
        self.starts: dict[PartitionKey, int] = {}
        self._reported: dict[PartitionKey, Position] = {}
        self._unassigned_since_ns: int | None = None
        self._unassigned_ns = self._next_report_ns = 0

    def change(
        self, change: AssignmentChange, places: set[PartitionKey]
    ) -> tuple[set[PartitionKey], set[PartitionKey]]:
        """Note a change; give the partitions that are gained and lost by it."""
        before = self.partitions
        after = {
            AssignmentChange.REPLACE: places,
            AssignmentChange.ADD: before | places,
            AssignmentChange.REMOVE: before - places,
        }[change]
        now = time.monotonic_ns()
        if after and self._unassigned_since_ns is not None:
            self._unassigned_ns, self._unassigned_since_ns = self._unassigned_ns + now - self._unassigned_since_ns, None
        elif not after:
            self.suspend()
        self.partitions = after
        self.starts = {place: start for place, start in self.starts.items() if place in after}
        return after - before, before - after

    def suspend(self) -> None:
        """Note that nothing is done with the partitions until they are assigned anew."""
        if self._unassigned_since_ns is None:
            self._unassigned_since_ns = time.monotonic_ns()

    @property
    def unassigned_ns(self) -> int:
        """For how many nanoseconds the consumer had no partition to work on, since it was first told of a change."""
        since = self._unassigned_since_ns
        return self._unassigned_ns if since is None else self._unassigned_ns + time.monotonic_ns() - since

    def changed_positions(self, positions: Iterable[Position], at_once: bool) -> list[Position]:
        """Give the positions that have changed since they were told last, if that is long enough ago."""
        now = time.monotonic_ns()
        if now < self._next_report_ns and not at_once:
            return []
        before, self._reported = self._reported, {(one.destination, one.partition): one for one in positions}
        found = [one for place, one in self._reported.items() if one.offset is not None and before.get(place) != one]
        if found:
            self._next_report_ns = now + POSITION_REPORT_NS
        return found
