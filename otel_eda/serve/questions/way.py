"""The way of one event, by any name that a person knows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_eda.diagnosis import lookup, trace
from otel_eda.diagnosis.settings import SECOND
from otel_eda.diagnosis.store import Store

from .asking import QuestionError, interrupted

if TYPE_CHECKING:
    from otel_eda.serve.contract.answers import TraceAnswer, TraceSpan

    from .asking import Asked, Reader

MEMORY_MB = 300
LONGEST = 500
ROUNDS = 12  # links in a row that are followed
MOST_TRACES = 2000  # of an event
MOST_SPANS = 1000  # that an answer has
# The traces of an event, and those that they are linked with.
LINKED = """
SELECT DISTINCT trace_id FROM all_operations WHERE list_contains($traces, origin_trace)
UNION SELECT DISTINCT origin_trace FROM all_operations
WHERE list_contains($traces, trace_id) AND origin_trace IS NOT NULL
"""


def way(reader: Reader, asked: Asked) -> TraceAnswer:
    """Return the spans of the event that `event` names, what is missing of it, or what is called nearly so."""
    event = (asked.text("event") or "").strip()
    if not 0 < len(event) <= LONGEST:
        raise QuestionError(f"event has to be a text of at most {LONGEST} letters")
    with (
        reader.lock,
        reader.parts.reading() as files,
        Store(MEMORY_MB) as store,
        interrupted(store.connection, reader.patience),
    ):
        if not files["operations"]:
            return {"event": event, "spans": [], "missing": [], "near": []}
        listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files["operations"])
        store.execute(f"CREATE VIEW all_operations AS FROM read_parquet([{listed}], union_by_name => true)")
        store.execute("CREATE VIEW operations AS FROM all_operations")
        found = lookup.spans(store, event)
        near = [] if found else lookup.near(store, event)
        _load(store, {trace_id for trace_id, _ in found})
        spans = trace.find(store, found)
        missing = trace.missing(spans)
    return {
        "event": event,
        "spans": [_span(span, reader.jaeger) for span in spans[:MOST_SPANS]],
        "missing": missing,
        "near": near,
    }


def _load(store: Store, traces: set[str]) -> None:
    """Make a table of the event's traces, which is far less than all."""
    for _ in range(ROUNDS):
        rows = store.connection.execute(LINKED, {"traces": sorted(traces)}).fetchall()
        more = {row[0] for row in rows} - traces
        if not more or len(traces) > MOST_TRACES:
            break
        traces |= more
    store.execute("DROP VIEW operations")
    store.execute(
        "CREATE TABLE operations AS FROM all_operations WHERE trace_id IN (SELECT unnest(?::VARCHAR[]))", sorted(traces)
    )


def _span(span: trace.Span, jaeger: str | None) -> TraceSpan:
    return {
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "cause": span.cause if span.cause != span.span_id else None,
        "service": span.service,
        "name": span.name,
        "type": span.type,
        "destination": span.destination,
        "group": span.group,
        "partition": span.partition,
        "offset": span.offset,
        "attempt": span.attempt,
        "start": span.started / SECOND,
        "end": span.ended / SECOND,
        "outcome": span.outcome,
        "error": span.error,
        "error_text": span.error_text,
        "jaeger": f"{jaeger.rstrip('/')}/trace/{span.trace_id}" if jaeger else None,
    }
