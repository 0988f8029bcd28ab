"""Which partitions a consumer has, and how far it is with each: what changes leaves as events."""

from __future__ import annotations

import time
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_eda.core.message import Position


Place = tuple[str, str]
"""Destination and partition."""


POSITION_REPORT_NS = 10_000_000_000
"""Nanoseconds between two reports of how far a consumer is."""


class AssignmentChange(Enum):
    """What a call or callback says of a consumer's partitions."""

    WHOLE = "these, and no others"
    MORE = "these more"
    LESS = "these no more"


class Assignment:
    """The partitions of one consumer, the starts of their logs as far as known, and how long it had none."""

    __slots__ = ("_bare", "_due", "_since", "_told", "partitions", "starts")

    def __init__(self) -> None:
        self.partitions: set[Place] = set()
        self.starts: dict[Place, int] = {}
        self._told: dict[Place, Position] = {}
        self._since: int | None = None
        self._bare = self._due = 0

    def change(self, change: AssignmentChange, places: set[Place]) -> tuple[set[Place], set[Place]]:
        """Note a change; give the partitions that are gained and lost by it."""
        before = self.partitions
        after = {
            AssignmentChange.WHOLE: places,
            AssignmentChange.MORE: before | places,
            AssignmentChange.LESS: before - places,
        }[change]
        now = time.monotonic_ns()
        if after and self._since is not None:
            self._bare, self._since = self._bare + now - self._since, None
        elif not after:
            self.pause()
        self.partitions = after
        self.starts = {place: start for place, start in self.starts.items() if place in after}
        return after - before, before - after

    def pause(self) -> None:
        """Note that nothing is done with the partitions until they are assigned anew."""
        if self._since is None:
            self._since = time.monotonic_ns()

    @property
    def bare(self) -> int:
        """For how many nanoseconds the consumer had no partition to work on, since it was first told of a change."""
        since = self._since
        return self._bare if since is None else self._bare + time.monotonic_ns() - since

    def news(self, positions: Iterable[Position], at_once: bool) -> list[Position]:
        """Give the positions that have changed since they were told last, if that is long enough ago."""
        now = time.monotonic_ns()
        if now < self._due and not at_once:
            return []
        before, self._told = self._told, {(one.destination, one.partition): one for one in positions}
        found = [one for place, one in self._told.items() if one.offset is not None and before.get(place) != one]
        if found:
            self._due = now + POSITION_REPORT_NS
        return found
