"""How far groups are behind over time: in messages and seconds as clients report it, and how long messages waited."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from otel_eda import semconv
from otel_eda.diagnosis.settings import SECOND

from .ahead import ahead
from .asking import MOST_SERIES

if TYPE_CHECKING:
    from otel_eda.serve.contract.answers import LagAnswer, LagSeries

    from .asking import Asked, Reader

# A reading stands until the next one of its series, but not for longer than three intervals of its process.
LEVELS = f"""
WITH reading AS (
    SELECT destination, consumer_group, name, service, instance, partition_id, time // $step AS slot,
           arg_max(value, time) AS value
    FROM metrics
    WHERE name IN ('{semconv.LAG}', '{semconv.LAG_TIME}') AND destination IS NOT NULL
          AND time >= $since AND time < $until
          AND ($destination IS NULL OR destination = $destination)
          AND ($all_groups OR coalesce(consumer_group, '') = $group)
    GROUP BY ALL
)
SELECT destination, consumer_group, slot, sum(value) FILTER (name = '{semconv.LAG}'),
       max(value) FILTER (name = '{semconv.LAG_TIME}'), NULL
FROM reading GROUP BY destination, consumer_group, slot
"""
QUEUED = """
WITH sent AS (
    SELECT hash(origin_trace, origin_span) AS message, min(ended) AS ended FROM operations
    WHERE type = 'send' GROUP BY message
)
SELECT w.destination, w.consumer_group, w.started // $step AS slot, NULL, NULL,
       median(greatest(w.started - coalesce(s.ended, w.message_time), 0)) / 1e9
FROM operations w LEFT JOIN sent s ON s.message = hash(w.origin_trace, w.origin_span)
WHERE w.type = 'process' AND w.continued IS DISTINCT FROM true AND w.started >= $since AND w.started < $until
      AND w.destination IS NOT NULL AND ($destination IS NULL OR w.destination = $destination)
      AND ($all_groups OR coalesce(w.consumer_group, '') = $group) AND coalesce(s.ended, w.message_time) IS NOT NULL
GROUP BY w.destination, w.consumer_group, slot
"""


def lag(reader: Reader, asked: Asked) -> LagAnswer:
    """Return the lag of each group in each interval."""
    time = asked.time()
    step, group = asked.step(time), asked.text("group")
    since, until = time.nanoseconds
    parameters = {
        "since": since,
        "until": until,
        "step": int(step * SECOND),
        "destination": asked.text("destination"),
        "all_groups": group is None,
        "group": group or "",
    }
    with reader.tables(time) as tables:
        rows = [*tables.ask(LEVELS, parameters), *tables.ask(QUEUED, parameters)]
    series = _series(rows, step, time.seconds)
    return {
        "since": time.since,
        "until": time.until,
        "step": step,
        "series": series[:MOST_SERIES],
        "left_off": len(series[MOST_SERIES:]),
    }


def _series(rows: list[tuple[Any, ...]], step: float, seconds: float) -> list[LagSeries]:
    """Return a series for each group, the one that is furthest behind first."""
    points: dict[tuple[str, str], dict[int, list[float | None]]] = defaultdict(lambda: defaultdict(lambda: [None] * 3))
    for destination, group, slot, *values in rows:
        point = points[destination, group or ""][slot]
        for place, value in enumerate(values):
            point[place] = point[place] if value is None else float(value)
    found: list[LagSeries] = [
        {
            "destination": destination,
            "group": group or None,
            "points": [(slot * step, point[0], point[1], point[2]) for slot, point in sorted(slots.items())],
            "forecast": ahead({slot: point[0] for slot, point in slots.items()}, step, seconds),
        }
        for (destination, group), slots in points.items()
    ]
    return sorted(found, key=lambda one: (-max(point[1] or 0 for point in one["points"]), one["destination"]))
