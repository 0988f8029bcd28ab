"""Bounds and thresholds that a person may set; the data give those that are not set."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

SECOND = 1_000_000_000
EVIDENCE = 5  # occurrences that a finding shows
MOST_SPANS = 2_000_000  # that a database may send
MEMORY = 800  # MB for DuckDB; the rest up to a gigabyte is Python's, and what DuckDB does not count


def _setting(default: float | None, about: str, *, time: bool = False, most: float | None = None) -> float | None:
    value: float | None = field(default=default, metadata={"about": about, "time": time, "most": most})
    return value


def _time(default: float | None, about: str) -> float | None:
    return _setting(default, about, time=True)


def _share(default: float, about: str) -> float | None:
    return _setting(default, about, most=1.0)


@dataclass(frozen=True)
class Bounds:
    """Bounds and thresholds: times in seconds, shares from 0 to 1. The table `settings` has times in nanoseconds."""

    grace: float | None = _time(
        None, "How long a message may take before it counts as missing; without it, the data say how long."
    )
    queue_bound: float | None = _time(
        None, "How long a message should wait at most; without it, ten times the usual, but at least 1s."
    )
    handler_bound: float | None = _time(
        None, "How long a handler should take at most; without it, ten times the usual, but at least 1s."
    )
    lag_bound: float | None = _setting(
        None,
        "How many messages a group should have before it at most; without it, ten times the usual, but at least 1000.",
    )
    depth_bound: float | None = _setting(
        None, "How many messages a queue holds at most, as its x-max-length; without it as for lag."
    )
    catch_up: float | None = _time(3600, "How long a group should take at most to work off what waits.")
    error_share: float | None = _share(0.05, "The share of failing messages from which on they are too many.")
    attempts: float | None = _setting(3, "Attempts at one message, all failed, that make it a poison message.")
    loop: float | None = _setting(
        None, "Times that a service may send to one destination in one event's trace; without it, 3, as a guess."
    )
    skew: float | None = _time(0.001, "By how much two clocks may differ and still be taken for equal.")
    storm_share: float | None = _share(0.5, "The share of redeliveries that makes a storm.")
    hot_share: float | None = _setting(3.0, "Times the mean load that make a partition hot.")

    def row(self, grace: float) -> dict[str, float | int | None]:
        """Return the row of the table `settings`; `grace` is used unless one is set."""
        times = {item.name for item in fields(self) if item.metadata["time"]}
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        values["grace"] = grace if self.grace is None else self.grace
        return {
            name: int(value * SECOND) if name in times and value is not None else value
            for name, value in values.items()
        }
