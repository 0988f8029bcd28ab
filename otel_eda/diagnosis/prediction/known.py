"""What is known beside one series: where telemetry ends, who works in a group, the other series of a place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_eda import semconv
from otel_eda.diagnosis.settings import SECOND
from otel_eda.forecast import TimeSeries

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_eda.diagnosis.engines import Tables

    from .measures import Measured

LATE_STEPS, LATE_SECONDS = 3, 30.0  # after which a series has come to its end
GAPS = 0.1  # share of a trend's readings that may be missing
PAST = 0.5  # times as long as a trend the time before it must be known, too
ENDS = """
SELECT service, max(time) FROM (
    SELECT service, time FROM metrics UNION ALL SELECT service, last_time FROM services) AS said
GROUP BY service
"""
LIMITS = f"SELECT instance, min(value) FROM readings WHERE name = '{semconv.POLL_LIMIT}' GROUP BY instance"
MEMBERS = f"""
WITH counted AS (
    SELECT m.consumer_group, m.instance, p.pace, arg_max(m.value, m.time) AS partitions, max(m.time) AS time
    FROM metrics AS m JOIN paces AS p ON p.instance = m.instance
    WHERE m.name = '{semconv.PARTITIONS}' AND m.consumer_group IS NOT NULL
    GROUP BY m.consumer_group, m.instance, p.pace
), latest AS (
    SELECT *, max(time) OVER (PARTITION BY consumer_group) AS last_time FROM counted
)
SELECT consumer_group, count(*), sum(partitions) FROM latest
WHERE partitions > 0 AND time >= last_time - {LATE_STEPS} * pace
GROUP BY consumer_group
"""


class Known:
    """The ends of services, the poll limits of consumers, members and partitions of groups, and all series."""

    def __init__(self, tables: Tables, series: Iterable[Measured]) -> None:
        self.ends = {service: time / SECOND for service, time in tables.ask(ENDS)}
        self.limits: dict[str | None, float] = dict(tables.ask(LIMITS))
        self.members = {group: (int(number), int(parts)) for group, number, parts in tables.ask(MEMBERS)}
        self.series = {one.place: one for one in series}
        self.sent = {place.destination for place in self.series if place.kind == "sent"}

    def goes_on(self, one: Measured) -> bool:
        """Return whether a series comes to where its service's telemetry ends."""
        points = one.values.known()
        if len(points) < 2:
            return False
        late = max(LATE_STEPS * one.values.step, LATE_SECONDS)
        end: float = self.ends.get(one.service, one.values.end)
        return one.values.time(points[-1][0]) >= end - late

    def beside(self, one: Measured, kind: str) -> TimeSeries | None:
        """Return the series of another kind of the same place, at the same times."""
        other = self.series.get(one.place._replace(kind=kind))
        if other is None or other.values.step != one.values.step:
            return None
        shift, values = round((one.values.begin - other.values.begin) / one.values.step), other.values.values
        places = range(shift, shift + len(one.values.values))
        aligned = [values[place] if 0 <= place < len(values) else None for place in places]
        return TimeSeries(one.values.begin, one.values.step, aligned)


def trimmed(series: TimeSeries) -> TimeSeries:
    """Return a series up to its last value that is known."""
    points = series.known()
    return TimeSeries(series.begin, series.step, series.values[: points[-1][0] + 1] if points else ())


def is_sure(values: TimeSeries, since: float) -> bool:
    """Return whether nearly all values since a time were read, and enough of those before it."""
    start = round((since - values.begin) / values.step)
    number = len(values.values) - start
    return values.gaps(start) <= GAPS * number and len(values.known()) - number >= PAST * number
