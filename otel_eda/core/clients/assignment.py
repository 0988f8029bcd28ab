"""The partitions that a consumer is assigned, and its position on each; changes leave as events."""

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
"""The time between two reports of a consumer's positions."""


class AssignmentChange(Enum):
    """How a call or callback changes the partitions of a consumer."""

    REPLACE = "these, and no others"
    ADD = "these more"
    REMOVE = "these no more"


class Assignment:
    """The partitions of one consumer, the known starts of their logs, and the time without partitions."""

    __slots__ = ("_next_report_ns", "_reported", "_unassigned_ns", "_unassigned_since_ns", "partitions", "starts")

    def __init__(self) -> None:
        self.partitions: set[PartitionKey] = set()
        self.starts: dict[PartitionKey, int] = {}
        self._reported: dict[PartitionKey, Position] = {}
        self._unassigned_since_ns: int | None = None
        self._unassigned_ns = self._next_report_ns = 0

    def change(
        self, change: AssignmentChange, partitions: set[PartitionKey]
    ) -> tuple[set[PartitionKey], set[PartitionKey]]:
        """Apply a change, and return the partitions that the consumer gains and those that it loses."""
        before = self.partitions
        after = {
            AssignmentChange.REPLACE: partitions,
            AssignmentChange.ADD: before | partitions,
            AssignmentChange.REMOVE: before - partitions,
        }[change]
        now = time.monotonic_ns()
        if after and self._unassigned_since_ns is not None:
            self._unassigned_ns, self._unassigned_since_ns = self._unassigned_ns + now - self._unassigned_since_ns, None
        elif not after:
            self.suspend()
        self.partitions = after
        self.starts = {partition: start for partition, start in list(self.starts.items()) if partition in after}
        return after - before, before - after

    def suspend(self) -> None:
        """Begin the time without partitions: none is worked on until they are assigned anew."""
        if self._unassigned_since_ns is None:
            self._unassigned_since_ns = time.monotonic_ns()

    @property
    def unassigned_ns(self) -> int:
        """The nanoseconds without a partition to work on since the first change of the assignment."""
        since = self._unassigned_since_ns
        return self._unassigned_ns if since is None else self._unassigned_ns + time.monotonic_ns() - since

    @property
    def reported_positions(self) -> list[Position]:
        """The positions at the last report."""
        return list(self._reported.values())

    def changed_positions(self, positions: Iterable[Position], at_once: bool) -> list[Position]:
        """Return the positions that have changed since the last report.

        There are none if the last report is less than ten seconds ago, unless they are wanted `at_once`.
        """
        now = time.monotonic_ns()
        if now < self._next_report_ns and not at_once:
            return []
        former, self._reported = (
            self._reported,
            {(position.destination, position.partition): position for position in positions},
        )
        changed = [
            position
            for partition, position in self._reported.items()
            if position.offset is not None and former.get(partition) != position
        ]
        if changed:
            self._next_report_ns = now + POSITION_REPORT_NS
        return changed
