"""What could not be asked of the telemetry, and why: "nothing found" means little without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from otel_eda import semconv

from . import external

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .engines import Tables

FEW = 3  # names that a sentence lists


class Question(NamedTuple):
    """A question to the tables, and the sentence about its rows: `{names}` are their first column."""

    sql: str
    sentence: str


QUESTIONS = (
    Question(
        """SELECT destination FROM operations WHERE system = 'kafka' AND type = 'process'
           GROUP BY destination HAVING count(message_offset) = 0""",
        "process spans of {names} name no offsets: what is lost, repeated or out of order there cannot be told",
    ),
    Question(
        """SELECT destination FROM operations WHERE system = 'kafka' AND type = 'process' AND message_offset IS NOT NULL
           GROUP BY destination HAVING count(consumer_group) = 0""",
        "process spans of {names} name no consumer group: losses and repeats there cannot be told",
    ),
    Question(
        """SELECT destination FROM operations WHERE type = 'process' AND destination IS NOT NULL
           GROUP BY destination HAVING count(origin_span) = 0
           OR NOT EXISTS (SELECT 1 FROM operations WHERE type = 'send')
           OR (bool_or(system = 'kafka')
               AND NOT EXISTS (SELECT 1 FROM sends s WHERE s.destination = operations.destination))""",
        "no sends to {names} are here: what was sent and never arrived cannot be told",
    ),
    Question(
        """SELECT destination FROM operations WHERE destination IS NOT NULL GROUP BY destination
           HAVING bool_or(type = 'receive') AND NOT bool_or(type = 'process')""",
        "messages of {names} are only received: how the work on them ended cannot be told",
    ),
    Question(
        f"""SELECT service FROM readings WHERE name = '{external.SPANS_STARTED}' AND sampling = 'DROP' AND value > 0
            GROUP BY service""",
        "{names} did not sample every trace: nothing that is missing there can be CONFIRMED",
    ),
    Question(
        """SELECT coalesce(service, '') FROM operations WHERE type IS NULL AND kind IN ('PRODUCER', 'CONSUMER')
           GROUP BY service""",
        "PRODUCER or CONSUMER spans of {names} name no messaging system: they are not understood",
    ),
    Question(
        f"""SELECT r.service || ' (' || cast(sum(r.value) AS BIGINT) || ' of ' || coalesce(r.destination, '?') || ')'
            FROM readings r JOIN (
                SELECT service, max(last_time) AS last_time FROM services GROUP BY service) v ON v.service = r.service
            LEFT JOIN processes o ON o.instance = r.instance
            CROSS JOIN settings s
            WHERE r.name = '{semconv.IN_FLIGHT}' AND r.value > 0
              -- A later reading that does not measure them is of a process whose consumer was closed.
              AND NOT EXISTS (SELECT 1 FROM readings l WHERE l.instance = r.instance AND l.time > r.time + 100000000)
              AND v.last_time - greatest(r.time, coalesce(o.last_time, r.time)) > s.grace
            GROUP BY r.service, r.instance, r.destination""",
        "processes ended, or were killed, with messages in hand: {names}",
    ),
    # As in the page of one trace.
    Question(
        """SELECT w.destination FROM (
               SELECT service, destination, max(ended) AS ended FROM works
               WHERE outcome = 'error' GROUP BY service, destination) w
           JOIN (SELECT service, max(started) AS started FROM operations WHERE type IN ('process', 'settle')
                 GROUP BY service) o ON o.service = w.service
           WHERE o.started < w.ended""",
        "the last attempt at {names} failed, and its service processes and settles nothing here after that: "
        "what became of the message cannot be told",
    ),
    # A settlement may come later than the work, and is not it.
    Question(
        """SELECT w.service FROM works w JOIN operations c ON c.trace_id = w.trace_id AND c.parent_id = w.span_id
           WHERE c.instance = w.instance AND c.started > w.ended AND c.type IS DISTINCT FROM 'settle'
           GROUP BY w.service""",
        "{names} went on with messages after their process spans, as where a loop hands them on to threads: "
        "how that ended cannot be told",
    ),
)
NO_LOGS = "no logs are here: errors that handlers only logged, and partitions that changed hands, cannot be told"


def blindness(tables: Tables) -> Iterator[str]:
    """Yield a sentence for each thing that could not be asked; the views of `facts` must be there."""
    for question in QUESTIONS:
        names = sorted({str(row[0]) for row in tables.ask(question.sql)})
        if names:
            yield question.sentence.format(names=listed(names))
    if not tables.intake.has_logs and tables.one("SELECT count(*) FROM works"):
        yield NO_LOGS


def listed(names: list[str]) -> str:
    """Return the first names, and how many more there are."""
    more = f" and {len(names) - FEW} more" if len(names) > FEW else ""
    return ", ".join(name or "(no name)" for name in names[:FEW]) + more
