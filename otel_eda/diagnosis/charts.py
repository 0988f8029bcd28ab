"""Data of what a report draws: the flow of messages, queue times and lag, and the traces of findings."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from .trace import find_each

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .finding import Evidence
    from .store import Store
    from .trace import Span, SpanId

BUCKETS = 60
MOST_READERS = 12  # pairs of destination and group, the busiest
MOST_EVENTS = 40
MOST_SPANS = 150  # of an event
MOST_EDGES = 300

FLOW = f"""
SELECT service, destination, consumer_group, type, count(*) AS number,
       count(*) FILTER (outcome IN ('error', 'unresolved')) AS failed, median(ended - started)::BIGINT AS taken
FROM operations
WHERE type IN ('send', 'process') AND destination IS NOT NULL
GROUP BY ALL ORDER BY number DESC, service, destination LIMIT {MOST_EDGES}
"""
TOTALS = "SELECT type, count(*) FROM operations WHERE type IN ('send', 'process') GROUP BY type"
# A queue may have another name than the destination of the sends; the messages join the two.
QUEUES = f"""
SELECT s.destination AS sent, w.destination AS processed, count(*) AS number
FROM works w JOIN sends s ON s.span_id = w.origin_span AND s.trace_id = w.origin_trace
WHERE s.destination <> w.destination GROUP BY ALL ORDER BY ALL LIMIT {MOST_EDGES}
"""
WAITING = """
WITH work AS (
    -- Of a message that comes again, the end of the attempt before; each reader without a group has a copy of its own.
    SELECT *, max(ended) FILTER (outcome <> 'ok' OR consumer_group IS NOT NULL) OVER (
        PARTITION BY system, destination, consumer_group, message ORDER BY started, span_id
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS given_back
    FROM works
), delivery AS (
    SELECT w.destination, coalesce(w.consumer_group, w.service) AS reader, w.started,
           -- A message may arrive before its sender hears that it was sent; and two clocks may differ.
           greatest(w.started - greatest(s.ended, coalesce(w.given_back, s.ended)), 0) AS waited
    FROM work w JOIN sends s ON s.span_id = w.origin_span AND s.trace_id = w.origin_trace
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
-- Where clocks differ, messages look as if they were processed before they were sent.
SELECT destination, consumer_group, bucket,
       greatest(sum(step) OVER (PARTITION BY destination, consumer_group ORDER BY bucket), 0)
FROM buckets ORDER BY ALL
"""


def flow(store: Store) -> dict[str, Any]:
    """Return which service sends to and processes from which destination, which queues these are, and totals."""
    names = ("service", "destination", "group", "type", "number", "failed", "taken")
    return {
        "edges": [dict(zip(names, row, strict=True)) for row in store.ask(FLOW)],
        "totals": dict(store.ask(TOTALS)),
        "queues": [dict(zip(("sent", "processed", "number"), row, strict=True)) for row in store.ask(QUEUES)],
    }


def series(store: Store, first: int, last: int) -> dict[str, list[dict[str, Any]]]:
    """Return queue times and lag over time, for the busiest readers."""
    width = max((last - first) // BUCKETS, 1)
    parameters = first, width, MOST_READERS, BUCKETS - 1
    return {
        "waiting": _by_reader(store.ask(WAITING, *parameters), ("number", "median", "p99"), first, width),
        "lag": _by_reader(store.ask(LAG, *parameters), ("lag",), first, width),
    }


def _by_reader(rows: Iterable[tuple[Any, ...]], names: tuple[str, ...], first: int, width: int) -> list[dict[str, Any]]:
    points: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for destination, reader, bucket, *values in rows:
        point = {
            "time": first + bucket * width,
            **{name: int(value) for name, value in zip(names, values, strict=True)},
        }
        points[destination, reader].append(point)
    return [
        {"destination": destination, "reader": reader, "points": of_reader}
        for (destination, reader), of_reader in points.items()
    ]


def events(store: Store, evidence: Iterable[Evidence]) -> dict[str, list[dict[str, Any]]]:
    """Return the spans of the events that some evidence is about, by the id of the evidence's span."""
    wanted = {item.span_id: _spans(item) for item in evidence if item.span_id}
    found = find_each(store, dict(list(wanted.items())[:MOST_EVENTS]))
    return {name: [_drawn(span) for span in spans[:MOST_SPANS]] for name, spans in found.items()}


def _spans(item: Evidence) -> list[SpanId]:
    pairs = (item.trace_id, item.span_id), (item.other_trace_id, item.other_span_id)
    return [(trace, span) for trace, span in pairs if trace and span]


def _drawn(span: Span) -> dict[str, Any]:
    return {
        "id": span.span_id,
        "cause": span.cause,
        "service": span.service,
        "name": span.name,
        "type": span.type,
        "partition": span.partition,
        "offset": span.offset,
        "attempt": span.attempt,
        "started": span.started,
        "ended": span.ended,
        "outcome": span.outcome,
        "error": " ".join(filter(None, (span.error, span.error_text))) or None,
    }
