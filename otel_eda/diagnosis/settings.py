"""What a person may set; what is not set comes from the data."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

SECOND = 1_000_000_000
EVIDENCE = 5  # occurrences that a finding shows
MEMORY = 600  # MB for DuckDB; the rest up to a gigabyte is Python's, and what DuckDB does not count


def _setting(default: float | None, about: str) -> float | None:
    value: float | None = field(default=default, metadata={"about": about})
    return value


@dataclass(frozen=True)
class Settings:
    """Bounds and thresholds: times in seconds, shares from 0 to 1. The table `settings` has times in nanoseconds."""

    grace: float | None = _setting(None, "how long a message may take before it counts as missing (from the data)")
    queue_bound: float | None = _setting(
        None, "the longest a message should wait; none: ten times the usual, at least 1 s"
    )
    handler_bound: float | None = _setting(
        None, "the longest a handler should take; none: ten times the usual, at least 1 s"
    )
    error_share: float | None = _setting(0.05, "the share of failing messages that is not normal any more")
    attempts: float | None = _setting(3, "so many attempts at one message that all fail make it a poison message")
    loop: float | None = _setting(3, "how often a service may send to one destination on one event's way")
    skew: float | None = _setting(0.001, "clocks that differ by less are taken for equal")
    storm_share: float | None = _setting(0.5, "the share of redeliveries that makes a storm")
    hot_share: float | None = _setting(3.0, "how many times the mean load makes a partition hot")

    def row(self, grace: float) -> dict[str, float | int | None]:
        """Give the row of the table `settings`, with the grace that comes from the data unless it is set."""
        times = {"grace", "queue_bound", "handler_bound", "skew"}
        given = {item.name: getattr(self, item.name) for item in fields(self)}
        given["grace"] = grace if self.grace is None else self.grace
        return {
            name: int(value * SECOND) if name in times and value is not None else value for name, value in given.items()
        }


def described() -> dict[str, tuple[float | None, str]]:
    """Give the default and the meaning of every setting, by its name."""
    return {item.name: (item.default, item.metadata["about"]) for item in fields(Settings)}  # type: ignore[misc]
