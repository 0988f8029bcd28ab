"""Bounds and thresholds that a person may set; the data give those that are not set."""

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

    grace: float | None = _setting(
        None, "how long a message may take before it counts as missing (default: from the data)"
    )
    queue_bound: float | None = _setting(
        None, "the longest time that a message should wait (default: ten times the median, at least 1 s)"
    )
    handler_bound: float | None = _setting(
        None, "the longest time that a handler should take (default: ten times the median, at least 1 s)"
    )
    error_share: float | None = _setting(0.05, "the share of failing messages above which a handler counts as failing")
    attempts: float | None = _setting(3, "the number of failed attempts that makes a message a poison message")
    loop: float | None = _setting(3, "how often a service may send one event to the same destination")
    skew: float | None = _setting(0.001, "the difference of two clocks that is ignored")
    storm_share: float | None = _setting(0.5, "the share of repeated deliveries that makes a retry storm")
    hot_share: float | None = _setting(3.0, "how many times the mean load makes a partition hot")

    def row(self, grace: float) -> dict[str, float | int | None]:
        """Return the row of the table `settings`; `grace` is used unless one is set."""
        times = {"grace", "queue_bound", "handler_bound", "skew"}
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        values["grace"] = grace if self.grace is None else self.grace
        return {
            name: int(value * SECOND) if name in times and value is not None else value
            for name, value in values.items()
        }


def described() -> dict[str, tuple[float | None, str]]:
    """Return the default and the meaning of every setting, by its name."""
    return {item.name: (item.default, item.metadata["about"]) for item in fields(Settings)}  # type: ignore[misc]
