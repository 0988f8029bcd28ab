"""Two times beside each other, by destination and group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_eda.serve.found import entry

if TYPE_CHECKING:
    from otel_eda.serve.contract.answers import CompareAnswer, Side
    from otel_eda.serve.found import Entry

    from .asking import Asked, Reader, Time

# Senders have no group: what is sent to a destination is told with each of its groups.
SUMS = """
WITH sent AS (
    SELECT hash(origin_trace, origin_span) AS message, min(ended) AS ended FROM operations
    WHERE type = 'send' GROUP BY message
), sends AS (
    SELECT destination, count(*) AS number FROM operations
    WHERE type = 'send' AND started >= $since AND started < $until AND destination IS NOT NULL GROUP BY destination
), works AS (
    SELECT w.destination, coalesce(w.consumer_group, '') AS reader, count(*) AS number,
           count(*) FILTER (outcome = 'error') AS failed,
           quantile_cont((w.ended - w.started) / 1e9, [0.5, 0.95]) AS took,
           quantile_cont(greatest(w.started - coalesce(s.ended, w.message_time), 0) / 1e9, [0.5, 0.95])
               FILTER (coalesce(s.ended, w.message_time) IS NOT NULL) AS queued
    FROM operations w LEFT JOIN sent s ON s.message = hash(w.origin_trace, w.origin_span)
    WHERE w.type = 'process' AND w.continued IS DISTINCT FROM true AND w.destination IS NOT NULL
          AND w.started >= $since AND w.started < $until
    GROUP BY w.destination, reader
)
SELECT coalesce(s.destination, w.destination), coalesce(w.reader, ''), coalesce(s.number, 0),
       coalesce(w.number, 0), coalesce(w.failed, 0), w.took, w.queued
FROM sends s FULL JOIN works w ON w.destination = s.destination
"""


def compare(reader: Reader, asked: Asked) -> CompareAnswer:
    """Return rates, durations, errors and findings of two times."""
    a, b = asked.time("a_"), asked.time("b_")
    before, after = _sides(reader, a), _sides(reader, b)
    entries = reader.found.all()
    in_a = {item.id for item in entries if _within(item, a)}
    in_b = {item.id for item in entries if _within(item, b)}

    def listed(wanted: set[str]) -> list[Any]:
        return [entry(item, reader.jaeger) for item in entries if item.id in wanted]

    return {
        "a": (a.since, a.until),
        "b": (b.since, b.until),
        "rows": [
            {"destination": place[0], "group": place[1] or None, "a": before.get(place), "b": after.get(place)}
            for place in sorted({*before, *after})
        ],
        "only_a": listed(in_a - in_b),
        "only_b": listed(in_b - in_a),
        "both": listed(in_a & in_b),
    }


def _sides(reader: Reader, time: Time) -> dict[tuple[str, str], Side]:
    since, until = time.nanoseconds
    with reader.tables(time) as tables:
        rows = tables.ask(SUMS, {"since": since, "until": until})
    return {(destination, group): _side(time, *numbers) for destination, group, *numbers in rows}


def _side(time: Time, sent: int, processed: int, failed: int, took: Any, queued: Any) -> Side:  # noqa: PLR0917
    p50, p95 = took or (None, None)
    queue_p50, queue_p95 = queued or (None, None)
    return {
        "sent_rate": sent / time.seconds,
        "processed_rate": processed / time.seconds,
        "failed_rate": failed / time.seconds,
        "error_share": failed / processed if processed else None,
        "p50": p50,
        "p95": p95,
        "queue_p50": queue_p50,
        "queue_p95": queue_p95,
    }


def _within(item: Entry, time: Time) -> bool:
    since, until = time.nanoseconds
    first = item.finding.first_time or item.finding.last_time
    last = item.finding.last_time or item.finding.first_time
    return first is not None and last is not None and first < until and last >= since
