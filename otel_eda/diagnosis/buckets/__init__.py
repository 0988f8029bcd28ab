"""Diagnoses telemetry of any size in bounded memory: destination by destination, in buckets of them.

A bucket holds all rows of its destinations, and of the other rows those that a check of these destinations may ask
for. What is asked of all destinations at once is asked before, of few columns. `places` says which row goes where,
`spool` writes and reads the buckets, `run` looks at one after another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

WRITTEN = re.compile(r"(?:(\d+)/)?(\d+)")
# Operations for each megabyte: with more than `MOST_AT_ONCE`, what DuckDB puts on disk costs more than buckets do.
MOST_AT_ONCE, IN_A_BUCKET = 20_000, 4_000


@dataclass(frozen=True)
class Share:
    """Into how many buckets the destinations go, and which one of these is looked at; None for all."""

    of: int
    only: int | None = None

    @classmethod
    def read(cls, text: str) -> Share:
        """Return the share that `8` or `3/8` stands for; raises `ValueError` if it makes no sense."""
        found = WRITTEN.fullmatch(text)
        share = cls(int(found[2]), int(found[1]) if found[1] else None) if found else cls(0)
        if not share.numbers:
            raise ValueError(f"{text!r} is neither a number of buckets, like 8, nor one of them, like 3/8")
        return share

    @classmethod
    def fitting(cls, operations: int, memory: int) -> Share | None:
        """Return into how many buckets so many operations go for `memory` megabytes; None if all fit at once."""
        if operations <= MOST_AT_ONCE * memory:
            return None
        return cls(-(-operations // (IN_A_BUCKET * memory)))

    @property
    def numbers(self) -> range:
        """The numbers of the buckets that are looked at, from 1 on."""
        if self.only is None:
            return range(1, self.of + 1)
        return range(self.only, self.only + 1) if 0 < self.only <= self.of else range(0)
