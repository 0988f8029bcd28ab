"""How far groups are behind over time: in messages and seconds as clients report it, and how long messages waited."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from otel_eda.diagnosis.settings import SECOND

from .ahead import ahead
from .asking import MOST_SERIES, WAITED_SECONDS
from .levels import BEFORE_SECONDS, reported

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_eda.diagnosis.prediction.measures import Measured
    from otel_eda.serve.contract.answers import LagAnswer, LagSeries

    from .asking import Asked, Reader, Time

SHARE = 3  # of the time that is shown, one in so many is foretold
PLACES = {"lag": 0, "behind": 1}  # of a point's values; the queue time is the third

QUEUED = """
WITH worked AS (
    SELECT destination, consumer_group, started, message_time, hash(origin_trace, origin_span) AS message
    FROM operations
    WHERE type = 'process' AND continued IS DISTINCT FROM true AND started >= $since AND started < $until
          AND destination IS NOT NULL AND ($destination IS NULL OR destination = $destination)
          AND ($all_groups OR coalesce(consumer_group, '') = $group)
), sent AS (
    SELECT hash(origin_trace, origin_span) AS message, min(ended) AS ended FROM operations
    WHERE type = 'send' AND hash(origin_trace, origin_span) IN (SELECT message FROM worked) GROUP BY message
)
SELECT destination, consumer_group, started // $step AS slot,
       median(greatest(started - coalesce(ended, message_time), 0))
           FILTER (coalesce(ended, message_time) IS NOT NULL) / 1e9,
       count(*) FILTER (coalesce(ended, message_time) IS NULL)
FROM worked LEFT JOIN sent USING (message)
GROUP BY destination, consumer_group, slot
"""


def lag(reader: Reader, asked: Asked) -> LagAnswer:
    """Return the lag of each group in each interval."""
    time = asked.time()
    step, group = asked.step(time), asked.text("group")
    since, until = time.nanoseconds
    parameters = {
        "since": since,
        "until": until,
        "earliest": since - int(BEFORE_SECONDS * SECOND),
        "step": round(step * SECOND),
        "destination": asked.text("destination"),
        "all_groups": group is None,
        "group": group or "",
    }
    with reader.tables(time, before=WAITED_SECONDS) as tables:
        queued, levels = tables.ask(QUEUED, parameters), list(reported(tables, parameters))
    found = _found(queued, levels, time, step)
    series = [one for one, _ in found[:MOST_SERIES]]
    for one, level in found[:MOST_SERIES]:
        one["forecast"] = None if level is None else ahead(level.values, step, time.seconds / SHARE)
    return {
        "since": time.since,
        "until": time.until,
        "step": step,
        "series": series,
        "left_off": len(found[MOST_SERIES:]),
    }


def _found(
    queued: list[tuple[Any, ...]], levels: list[Measured], time: Time, step: float
) -> list[tuple[LagSeries, Measured | None]]:
    """Return the series of each group and its lag, the one that is furthest behind first."""
    points: dict[tuple[str, str], dict[int, list[float | None]]] = defaultdict(lambda: defaultdict(lambda: [None] * 3))
    lags: dict[tuple[str, str], Measured] = {}
    unknown: Counter[tuple[str, str]] = Counter()
    for destination, group, slot, seconds, number in queued:
        points[destination, group or ""][slot][2] = seconds
        unknown[destination, group or ""] += number
    for one in levels:
        at = one.place.destination or "", one.place.group or ""
        for slot, value in _standing(one, time, step):
            points[at][slot][PLACES[one.place.kind]] = value
        if one.place.kind == "lag":
            lags[at] = one
    made = [(_series(*at, slots, step, unknown[at]), lags.get(at)) for at, slots in points.items()]
    return sorted(made, key=lambda one: (-max(point[1] or 0 for point in one[0]["points"]), one[0]["destination"]))


def _standing(one: Measured, time: Time, step: float) -> Iterator[tuple[int, float]]:
    """Yield what is known at the end of each interval; the last one may not have come to its end."""
    values, pace = one.values.values, one.values.step
    for slot in range(int(time.since // step), int(time.until // step)):
        # Each value is that of the step from its time on.
        place = math.ceil(((slot + 1) * step - one.values.begin) / pace - 1e-6) - 1
        value = values[place] if 0 <= place < len(values) else None
        if value is not None:
            yield slot, value


def _series(destination: str, group: str, slots: dict[int, list[float | None]], step: float, unknown: int) -> LagSeries:
    nothing: list[float | None] = [None] * 3
    known = [(slot, slots.get(slot, nothing)) for slot in range(min(slots), max(slots) + 1)]
    return {
        "destination": destination,
        "group": group or None,
        "points": [(slot * step, lag, behind, queue) for slot, (lag, behind, queue) in known],
        "forecast": None,
        "unknown_sends": unknown,
    }
