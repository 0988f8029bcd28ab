"""How long processing took: a histogram for each interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_eda.diagnosis.settings import SECOND

if TYPE_CHECKING:
    from otel_eda.serve.contract.answers import HeatAnswer

    from .asking import Asked, Reader

PER_DECADE = 4
LEAST, DECADES = 1e-4, 7  # from a tenth of a millisecond to a thousand seconds
BOUNDS = [round(LEAST * 10 ** (row / PER_DECADE), 10) for row in range(PER_DECADE * DECADES + 1)]
ROWS = len(BOUNDS) + 1  # the last has no bound
COUNTED = f"""
WITH took AS (
    SELECT started // $step AS slot, outcome,
           ceil({PER_DECADE} * log10(greatest(ended - started, 1) / {LEAST * SECOND})) AS place
    FROM operations
    WHERE type = 'process' AND continued IS DISTINCT FROM true AND started >= $since AND started < $until
          AND ($destination IS NULL OR destination = $destination)
          AND ($all_groups OR coalesce(consumer_group, '') = $group)
)
SELECT slot, least(greatest(place, 0), {len(BOUNDS)})::INTEGER AS row, count(*), count(*) FILTER (outcome = 'error')
FROM took GROUP BY ALL
"""


def heat(reader: Reader, asked: Asked) -> HeatAnswer:
    """Return how many durations are up to each bound, by the time at which processing began."""
    time = asked.time()
    step, group, destination = asked.step(time), asked.text("group"), asked.text("destination")
    since, until = time.nanoseconds
    with reader.tables(time) as tables:
        rows = tables.ask(
            COUNTED,
            {
                "since": since,
                "until": until,
                "step": round(step * SECOND),
                "destination": destination,
                "all_groups": group is None,
                "group": group or "",
            },
        )
    first, last = int(time.since // step), int(-(-time.until // step))
    counts, errors = [[0] * ROWS for _ in range(first, last)], [0] * (last - first)
    for slot, row, number, failed in rows:
        if first <= slot < last:
            counts[slot - first][row] += number
            errors[slot - first] += failed
    return {
        "destination": destination,
        "group": group,
        "step": step,
        "times": [slot * step for slot in range(first, last)],
        "bounds": [*BOUNDS, None],
        "counts": counts,
        "errors": errors,
    }
