"""The spans of one event: what led to it and all that came of it, over links as over parents; and what is missing.

A poll that brought many messages joins their traces, but not the messages: it is part of each event and leads to none.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .store import Store

SpanId: TypeAlias = "tuple[str, str]"  # the ids of a trace and of a span in it
# Of each row the span that caused it. A span has a row for each of its messages; `many` if it has several.
EDGES = """
CREATE TEMP TABLE IF NOT EXISTS edges AS
SELECT rowid AS id, trace_id, span_id, parent_id, linked AND origin_trace <> trace_id AS joined,
       CASE WHEN joined THEN origin_trace ELSE trace_id END AS cause_trace,
       CASE WHEN joined THEN origin_span ELSE coalesce(parent_id, origin_span) END AS cause_span,
       count(*) OVER (PARTITION BY trace_id, span_id) > 1 AS many, coalesce(type = 'receive', false) AS received
FROM operations
"""
WANTED = """
CREATE OR REPLACE TEMP TABLE wanted AS
SELECT unnest($names) AS event, unnest($traces) AS trace_id, unnest($spans) AS span_id
"""
# `asked`: the span itself was asked for, so all of its messages and children are meant. Below any other poll of many
# messages there is only what names another cause than the poll.
RELATED = """
CREATE OR REPLACE TEMP TABLE related AS
WITH RECURSIVE seed AS (
    SELECT w.event, e.*, true AS asked FROM wanted w JOIN edges e USING (trace_id, span_id)
    UNION
    SELECT w.event, e.*, false FROM wanted w JOIN edges e ON e.trace_id = w.trace_id AND e.parent_id = w.span_id
), down AS (
    SELECT * FROM seed
    UNION
    SELECT d.event, e.*, false FROM down d
    JOIN edges e ON e.cause_trace = d.trace_id AND e.cause_span = d.span_id
    WHERE d.asked OR e.joined OR NOT (d.received AND d.many)
), up AS (
    SELECT * FROM seed
    UNION
    SELECT u.event, e.*, false FROM up u
    JOIN edges e ON e.trace_id = u.cause_trace AND e.span_id = u.cause_span
    WHERE u.asked OR NOT u.many
)
SELECT event, min(id) AS id FROM (FROM down UNION ALL FROM up) GROUP BY event, trace_id, span_id
"""
SPANS = """
SELECT r.event, o.trace_id, o.span_id, e.cause_span, service, name, type, destination, consumer_group, partition_id,
       message_offset,
       CASE WHEN type = 'process' THEN row_number() OVER (PARTITION BY r.event, type, destination, consumer_group,
           origin_trace, origin_span ORDER BY started) ELSE 1 END,
       started, ended, outcome, error, error_text
FROM related r JOIN operations o ON o.rowid = r.id JOIN edges e ON e.id = r.id
ORDER BY started, ended DESC, o.span_id
"""


@dataclass(frozen=True)
class Span:
    """One span of an event, and the span that caused it; times in nanoseconds since 1970."""

    trace_id: str
    span_id: str
    cause: str | None
    service: str
    name: str
    type: str | None
    destination: str | None
    group: str | None
    partition: str | None
    offset: int | None
    attempt: int
    started: int
    ended: int
    outcome: str
    error: str | None
    error_text: str | None


def find(store: Store, spans: Iterable[SpanId]) -> list[Span]:
    """Return the spans of the event that some spans belong to, by their start."""
    return find_each(store, {"": spans})[""]


def find_each(store: Store, events: Mapping[str, Iterable[SpanId]]) -> dict[str, list[Span]]:
    """Return the spans of several events, each of which is known by some of its spans."""
    rows = [(name, *span) for name, spans in events.items() for span in spans]
    names, traces, ids = ([row[column] for row in rows] for column in range(3))
    store.connection.execute(EDGES)
    store.connection.execute(WANTED, {"names": names, "traces": traces, "spans": ids})
    store.connection.execute(RELATED)
    found: dict[str, list[Span]] = defaultdict(list)
    for event, *span in store.ask(SPANS):
        found[event].append(Span(*span))
    return {name: found[name] for name in events}


def missing(spans: list[Span]) -> list[str]:
    """Return a line for each span that should be there and is not."""
    here = {span.span_id for span in spans}
    processed = {span.cause for span in spans if span.type in {"process", "receive"}}
    lines = [
        f"the span {span.cause} that caused “{span.name}” of {span.service} is not here"
        for span in spans
        if span.cause and span.cause not in here
    ]
    lines += [
        f"no span shows who processed what {span.service} sent to {span.destination}"
        for span in spans
        if span.type == "send" and span.span_id not in processed
    ]
    return lines
