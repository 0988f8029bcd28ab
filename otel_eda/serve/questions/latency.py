"""How long events take: from where they come into being to where they are processed last, and for each hop."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from otel_eda.diagnosis.settings import SECOND

from .asking import WAITED_SECONDS

if TYPE_CHECKING:
    from otel_eda.serve.contract.answers import End, Hop, LatencyAnswer

    from .asking import Asked, Reader

MOST_ENDS, MOST_HOPS = 50, 300
QUANTILES = "[0.5, 0.95, 0.99]"
# An event's traces: a message that is linked, and not continued, begins a trace whose origin is in another. The last
# trace that leads somewhere has the end. Four links in a row are followed, from traces of the time that is asked about.
EVENTS = """
CREATE TEMP TABLE event AS
WITH RECURSIVE joined AS (
    SELECT trace_id, min(origin_trace) AS before FROM operations
    WHERE type = 'process' AND linked AND origin_trace <> trace_id GROUP BY trace_id
), reached AS (
    SELECT DISTINCT trace_id, 0 AS depth FROM operations
    WHERE type IN ('send', 'process') AND started >= $since AND started < $until
    UNION ALL
    SELECT j.trace_id, r.depth + 1 FROM reached r JOIN joined j ON j.before = r.trace_id WHERE r.depth < 4
), rooted AS (
    SELECT DISTINCT trace_id, trace_id AS root, 0 AS depth FROM reached
    UNION ALL
    SELECT r.trace_id, j.before, r.depth + 1 FROM rooted r JOIN joined j ON j.trace_id = r.root WHERE r.depth < 4
)
SELECT trace_id, arg_max(root, depth) AS root FROM rooted GROUP BY trace_id
"""
# A table of its own, so that the engine knows how few they are among all operations.
ENDS = f"""
WITH way AS (
    SELECT e.root, arg_min(service, started) AS origin, min(started) AS began,
           arg_max(o.service, o.ended) FILTER (type = 'process') AS final,
           max(o.ended) FILTER (type = 'process') AS ended, bool_or(o.destination = $destination) AS there
    FROM operations o JOIN event e USING (trace_id)
    WHERE type IN ('send', 'process') GROUP BY e.root
), timed AS (
    SELECT origin, final, began // $step AS slot, greatest(ended - began, 0) / 1e9 AS took
    FROM way WHERE final IS NOT NULL AND began >= $since AND began < $until AND ($destination IS NULL OR there)
)
SELECT origin, final, slot, count(*), quantile_cont(took, {QUANTILES})
FROM timed GROUP BY GROUPING SETS ((origin, final), (origin, final, slot))
ORDER BY slot NULLS FIRST, count(*) DESC
"""
HOPS = f"""
WITH sent AS (
    SELECT hash(origin_trace, origin_span) AS message, min(ended) AS ended FROM operations
    WHERE type = 'send' AND started < $until AND hash(origin_trace, origin_span) IN (
        SELECT hash(origin_trace, origin_span) FROM operations
        WHERE type = 'process' AND started >= $since AND started < $until)
    GROUP BY message
), hop AS (
    SELECT 'send' AS kind, service AS source, destination AS target, NULL AS consumer_group, ended - started AS took
    FROM operations WHERE type = 'send' AND started >= $since AND started < $until
    UNION ALL
    SELECT 'process', destination, service, consumer_group, ended - started
    FROM operations WHERE type = 'process' AND continued IS DISTINCT FROM true
         AND started >= $since AND started < $until
    UNION ALL
    SELECT 'queue', w.destination, w.service, w.consumer_group,
           greatest(w.started - coalesce(s.ended, w.message_time), 0)
    FROM operations w LEFT JOIN sent s ON s.message = hash(w.origin_trace, w.origin_span)
    WHERE w.type = 'process' AND w.continued IS DISTINCT FROM true AND w.started >= $since AND w.started < $until
          AND coalesce(s.ended, w.message_time) IS NOT NULL
)
SELECT kind, source, target, consumer_group, count(*), quantile_cont(took / 1e9, {QUANTILES})
FROM hop
WHERE source IS NOT NULL AND target IS NOT NULL
      AND ($destination IS NULL OR CASE kind WHEN 'send' THEN target ELSE source END = $destination)
GROUP BY ALL ORDER BY count(*) DESC
"""


def latency(reader: Reader, asked: Asked) -> LatencyAnswer:
    """Return how long events and their hops took."""
    time = asked.time()
    since, until = time.nanoseconds
    step = asked.step(time)
    parameters = {
        "since": since,
        "until": until,
        "step": round(step * SECOND),
        "destination": asked.text("destination"),
    }
    with reader.tables(time, before=WAITED_SECONDS, later=True) as tables:
        tables.ask(EVENTS, parameters)
        ends, hops = tables.ask(ENDS, parameters), tables.ask(HOPS, parameters)
    found = _ends(ends, step)
    return {
        "since": time.since,
        "until": time.until,
        "ends": found[:MOST_ENDS],
        "hops": [_hop(row) for row in hops[:MOST_HOPS]],
        "left_off": {"ends": len(found[MOST_ENDS:]), "hops": len(hops[MOST_HOPS:])},
    }


def _ends(rows: list[tuple[Any, ...]], step: float) -> list[End]:
    points: dict[tuple[str, str], list[tuple[float, float, float]]] = defaultdict(list)
    for origin, final, slot, _, (p50, p95, _) in rows:
        if slot is not None:
            points[origin, final].append((slot * step, p50, p95))
    return [
        {
            "origin": origin, "final": final, "count": number,
            "p50": p50, "p95": p95, "p99": p99, "points": points[origin, final],
        }
        for origin, final, slot, number, (p50, p95, p99) in rows
        if slot is None
    ]  # fmt: skip


def _hop(row: tuple[Any, ...]) -> Hop:
    kind, source, target, group, number, (p50, p95, p99) = row
    return {
        "kind": kind,
        "source": source,
        "target": target,
        "group": group,
        "count": number,
        "p50": p50,
        "p95": p95,
        "p99": p99,
    }
