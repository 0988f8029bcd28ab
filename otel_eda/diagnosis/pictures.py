"""What a report draws: the flow of messages, how long they wait and how many, and the traces that prove a finding."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from .way import find

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .store import Store

BUCKETS = 60
LINES = 12  # charts for so many pairs of destination and group, the busiest
TRACES = 40
SPANS = 150  # of a trace
EDGES = 300

FLOW = f"""
SELECT service, destination, consumer_group, type, count(*) AS number,
       count(*) FILTER (outcome IN ('error', 'unresolved')) AS failed, median(ended - started)::BIGINT AS taken
FROM operations
WHERE type IN ('send', 'process') AND destination IS NOT NULL
GROUP BY ALL ORDER BY number DESC, service, destination LIMIT {EDGES}
"""
# A queue may be called otherwise than what was sent to; what joins them is the messages.
QUEUES = f"""
SELECT s.destination AS sent, w.destination AS processed, count(*) AS number
FROM works w JOIN sends s ON s.span_id = w.origin_span AND s.trace_id = w.origin_trace
WHERE s.destination <> w.destination GROUP BY ALL ORDER BY ALL LIMIT {EDGES}
"""
WAITING = """
WITH delivery AS (
    SELECT w.destination, coalesce(w.consumer_group, w.service) AS reader, w.started, w.started - s.ended AS waited
    FROM works w JOIN sends s ON s.span_id = w.origin_span AND s.trace_id = w.origin_trace
), busiest AS (
    SELECT destination, reader, count(*) AS number FROM delivery
    GROUP BY ALL ORDER BY number DESC, destination, reader LIMIT $3
)
SELECT destination, reader, least(((started - $1) / $2)::BIGINT, $4) AS bucket, count(*),
       quantile_cont(waited, 0.5)::BIGINT, quantile_cont(waited, 0.99)::BIGINT
FROM delivery JOIN busiest USING (destination, reader)
GROUP BY ALL ORDER BY ALL
"""
LAG = """
WITH readers AS (
    SELECT DISTINCT destination, consumer_group FROM works
    WHERE consumer_group IS NOT NULL AND message_offset IS NOT NULL ORDER BY ALL LIMIT $3
), steps AS (
    SELECT r.destination, r.consumer_group, s.ended AS time, 1 AS step
    FROM readers r JOIN sends s USING (destination) WHERE s.outcome = 'ok'
    UNION ALL
    SELECT destination, consumer_group, min(ended), -1 FROM works JOIN readers USING (destination, consumer_group)
    WHERE message_offset IS NOT NULL GROUP BY destination, consumer_group, partition_id, message_offset
), buckets AS (
    SELECT destination, consumer_group, least(greatest(((time - $1) / $2)::BIGINT, 0), $4) AS bucket, sum(step) AS step
    FROM steps GROUP BY ALL
)
-- Clocks that are apart would have messages processed before they are sent.
SELECT destination, consumer_group, bucket,
       greatest(sum(step) OVER (PARTITION BY destination, consumer_group ORDER BY bucket), 0)
FROM buckets ORDER BY ALL
"""


def flow(store: Store) -> dict[str, list[Any]]:
    """Give who sends to what, and what is processed by whom."""
    names = ("service", "destination", "group", "type", "number", "failed", "taken")
    return {
        "edges": [dict(zip(names, row, strict=True)) for row in store.ask(FLOW)],
        "queues": [dict(zip(("sent", "processed", "number"), row, strict=True)) for row in store.ask(QUEUES)],
    }


def charts(store: Store, first: int, last: int) -> dict[str, list[dict[str, Any]]]:
    """Give queue times and lag over time, for the busiest readers."""
    width = max((last - first) // BUCKETS, 1)
    given = first, width, LINES, BUCKETS - 1
    return {
        "waiting": _series(store.ask(WAITING, *given), ("number", "median", "p99"), first, width),
        "lag": _series(store.ask(LAG, *given), ("lag",), first, width),
    }


def _series(rows: Iterable[tuple[Any, ...]], names: tuple[str, ...], first: int, width: int) -> list[dict[str, Any]]:
    made: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for destination, reader, bucket, *values in rows:
        point = {
            "time": first + bucket * width,
            **{name: int(value) for name, value in zip(names, values, strict=True)},
        }
        made[destination, reader].append(point)
    return [
        {"destination": destination, "reader": reader, "points": points}
        for (destination, reader), points in made.items()
    ]


def traces(store: Store, wanted: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Give the spans of some traces, each with those it is linked with."""
    return {trace: _trace(store, trace) for trace in list(dict.fromkeys(wanted))[:TRACES]}


def _trace(store: Store, trace: str) -> list[dict[str, Any]]:
    return [
        {
            "id": step.span_id,
            "cause": step.cause,
            "service": step.service,
            "name": step.name,
            "type": step.type,
            "partition": step.partition,
            "offset": step.offset,
            "attempt": step.attempt,
            "started": step.started,
            "ended": step.ended,
            "outcome": step.outcome,
            "error": " ".join(filter(None, (step.error, step.error_text))) or None,
        }
        for step in find(store, [trace])[:SPANS]
    ]
