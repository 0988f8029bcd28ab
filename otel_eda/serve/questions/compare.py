"""Two times beside each other, by destination and group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_eda.serve.found import entry

from .asking import WAITED_SECONDS

if TYPE_CHECKING:
    from otel_eda.serve.contract.answers import CompareAnswer, Side
    from otel_eda.serve.found import Entry

    from .asking import Asked, Reader, Time

# Senders have no group: what is sent to a destination is told with each of its groups.
SUMS = """
WITH worked AS (
    SELECT destination, coalesce(consumer_group, '') AS reader, started, ended, outcome, message_time,
           hash(origin_trace, origin_span) AS message
    FROM operations
    WHERE type = 'process' AND continued IS DISTINCT FROM true AND destination IS NOT NULL
          AND started >= $since AND started < $until
), sent AS (
    SELECT hash(origin_trace, origin_span) AS message, min(ended) AS sent FROM operations
    WHERE type = 'send' AND hash(origin_trace, origin_span) IN (SELECT message FROM worked) GROUP BY message
), sends AS (
    SELECT destination, count(*) AS number FROM operations
    WHERE type = 'send' AND started >= $since AND started < $until AND destination IS NOT NULL GROUP BY destination
), works AS (
    SELECT destination, reader, count(*) AS number, count(*) FILTER (outcome = 'error') AS failed,
           quantile_cont((ended - started) / 1e9, [0.5, 0.95]) AS took,
           quantile_cont(greatest(started - coalesce(sent, message_time), 0) / 1e9, [0.5, 0.95])
               FILTER (coalesce(sent, message_time) IS NOT NULL) AS queued,
           count(*) FILTER (coalesce(sent, message_time) IS NULL) AS unknown
    FROM worked LEFT JOIN sent USING (message) GROUP BY destination, reader
)
SELECT coalesce(s.destination, w.destination), coalesce(w.reader, ''), coalesce(s.number, 0),
       coalesce(w.number, 0), coalesce(w.failed, 0), w.took, w.queued, coalesce(w.unknown, 0)
FROM sends s FULL JOIN works w ON w.destination = s.destination
"""


def compare(reader: Reader, asked: Asked) -> CompareAnswer:
    """Return rates, durations, errors and findings of two times."""
    a, b = asked.time("a_"), asked.time("b_")
    kept_a, kept_b = reader.kept_seconds(a, asked.now), reader.kept_seconds(b, asked.now)
    before, after = _sides(reader, a, kept_a), _sides(reader, b, kept_b)
    entries = reader.found.all()
    in_a = {item.id for item in entries if _within(item, a)}
    in_b = {item.id for item in entries if _within(item, b)}

    def listed(wanted: set[str]) -> list[Any]:
        return [entry(item, reader.jaeger) for item in entries if item.id in wanted]

    return {
        "a": (a.since, a.until),
        "b": (b.since, b.until),
        "a_kept": kept_a,
        "b_kept": kept_b,
        "findings_since": reader.found.began,
        "rows": [
            {"destination": place[0], "group": place[1] or None, "a": before.get(place), "b": after.get(place)}
            for place in sorted({*before, *after})
        ],
        "only_a": listed(in_a - in_b),
        "only_b": listed(in_b - in_a),
        "both": listed(in_a & in_b),
    }


def _sides(reader: Reader, time: Time, kept: float) -> dict[tuple[str, str], Side]:
    since, until = time.nanoseconds
    with reader.tables(time, before=WAITED_SECONDS) as tables:
        rows = tables.ask(SUMS, {"since": since, "until": until})
    return {(destination, group): _side(max(kept, 1.0), *numbers) for destination, group, *numbers in rows}


def _side(kept: float, sent: int, processed: int, failed: int, took: Any, queued: Any, unknown: int) -> Side:  # noqa: PLR0917
    p50, p95 = took or (None, None)
    queue_p50, queue_p95 = queued or (None, None)
    return {
        "sent_rate": sent / kept,
        "processed_rate": processed / kept,
        "failed_rate": failed / kept,
        "error_share": failed / processed if processed else None,
        "p50": p50,
        "p95": p95,
        "queue_p50": queue_p50,
        "queue_p95": queue_p95,
        "unknown_sends": unknown,
    }


def _within(item: Entry, time: Time) -> bool:
    since, until = time.nanoseconds
    first = item.finding.first_time or item.finding.last_time
    last = item.finding.last_time or item.finding.first_time
    return first is not None and last is not None and first < until and last >= since
