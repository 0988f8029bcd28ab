"""How complete the telemetry is: whether there are as many spans as the metrics counted messages."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from otel_eda import semconv

from . import external
from .settings import SECOND

if TYPE_CHECKING:
    from .engines import Tables

FOREVER = 2**63 - 1
COUNT_SLACK = SECOND  # a count is not read at the very moment it is dated
# What is known of a span of a message whose times are damaged: an event of this name and the span's type, whose trace
# and span are those of the message's creation. Its time is the best that is left.
UNTIMED = "untimed "
_SAID = "system, destination, consumer_group, partition_id, message_offset, client_id, message_id, realm"
UNTIMED_SPANS = f"""
INSERT INTO events BY NAME
SELECT DISTINCT service, instance, host, '{UNTIMED}' || type AS name, coalesce(ended, started, message_time) AS time,
       origin_trace AS trace_id, origin_span AS span_id, {_SAID}
FROM operations
WHERE type IN ('send', 'process') AND coalesce(batch, 1) = 1 AND trace_id IS NOT NULL AND span_id IS NOT NULL
  AND (started IS NULL OR ended IS NULL)
"""
# Processes that count from reading to reading say nothing while nothing happens, and nothing of what an export lost.
# Every export has all that there is to say: up to the last reading of any kind, no point is a count of 0. Where two
# exports follow one another with more than an interval between them, one was lost, and what it counted with it.
GAPS = f"""
CREATE TABLE gaps AS
WITH pace AS (
    SELECT service, instance, greatest(median(time - started), {COUNT_SLACK}) AS pace FROM metrics
    WHERE delta AND started > 0 AND started < time GROUP BY service, instance
), reading AS (
    SELECT m.service, m.instance, m.time, p.pace,
           CASE WHEN m.delta AND m.started > 0 AND m.started < m.time THEN m.started ELSE m.time - p.pace END AS since
    FROM metrics m JOIN pace p ON p.service = m.service AND p.instance = m.instance
    WHERE m.delta OR NOT coalesce(m.rising, false)
), export AS (
    SELECT *, max(time) OVER (
        PARTITION BY service, instance ORDER BY time, since ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM reading
)
SELECT service, instance, max(time) AS until,
       CAST(max(CASE WHEN since > before + pace / 2 THEN since END) AS BIGINT) AS resumed
FROM export GROUP BY service, instance
"""
# For the gates G1 and G2: whether a process has as many spans as its metrics counted messages, and up to when. If it
# has more, its counter began anew, or several processes have one name: then the count proves nothing. Spans that lack
# only their times count for `known_until`, which is for a check that looks which messages they are of.
COMPLETENESS = f"""
CREATE TABLE completeness AS
WITH counts AS (
    SELECT service, instance, destination, 'send' AS type, sum(value) AS counted, max(time) AS until
    FROM readings WHERE name = '{semconv.SENT}' GROUP BY ALL
    UNION ALL
    SELECT service, instance, destination, 'process', sum(number), max(time)
    FROM readings WHERE name = '{semconv.PROCESS_DURATION}' GROUP BY ALL
), counted AS (
    SELECT c.service, c.instance, c.destination, c.type, c.counted, greatest(c.until, coalesce(g.until, 0)) AS until
    FROM counts c LEFT JOIN gaps g ON g.service = c.service AND g.instance = c.instance
), lost AS (
    SELECT service, instance, sum(value) AS lost FROM readings
    WHERE name IN ('{external.SPANS_PROCESSED}', '{external.SPANS_EXPORTED}') AND error IS NOT NULL
    GROUP BY ALL
), untimed AS (
    SELECT service, instance, destination, substr(name, {len(UNTIMED) + 1}) AS type, count(*) AS untimed
    FROM events WHERE starts_with(name, '{UNTIMED}') GROUP BY ALL
), rows AS (
    SELECT service, instance, destination, type, span_id, max(ended) AS ended,
           CASE WHEN type = 'send' THEN greatest(count(*), coalesce(max(batch), 1)) ELSE 1 END AS messages
    FROM operations WHERE type IN ('send', 'process')
    GROUP BY service, instance, destination, type, span_id
), seen AS (
    SELECT r.service, r.instance, r.destination, r.type, any_value(c.counted) AS counted, any_value(c.until) AS until,
           any_value(u.since) AS since,
           coalesce(sum(messages) FILTER (r.ended <= c.until AND r.ended > coalesce(u.since, 0)), 0) AS seen,
           coalesce(sum(messages) FILTER (
               r.ended <= c.until + {COUNT_SLACK} AND r.ended > coalesce(u.since, 0) - {COUNT_SLACK}), 0) AS around,
           coalesce(sum(messages) FILTER (
               r.ended <= c.until - {COUNT_SLACK} AND r.ended > coalesce(u.since, 0) + {COUNT_SLACK}), 0) AS within,
           count(*) AS spans, any_value(p.last_time) AS last_time
    FROM rows r JOIN processes p ON p.instance = r.instance
    LEFT JOIN cuts u ON u.service = r.service AND u.instance = r.instance
    LEFT JOIN counted c
      ON c.service = r.service AND c.instance = r.instance AND c.type = r.type
     AND c.destination IS NOT DISTINCT FROM r.destination
    GROUP BY r.service, r.instance, r.destination, r.type
    UNION ALL
    SELECT c.service, c.instance, c.destination, c.type, c.counted, c.until, u.since, 0, 0, 0, 0, NULL
    FROM counted c LEFT JOIN cuts u ON u.service = c.service AND u.instance = c.instance
    WHERE c.counted > 0 AND NOT EXISTS (
        SELECT 1 FROM rows r WHERE c.service = r.service AND c.instance = r.instance AND c.type = r.type
                               AND c.destination IS NOT DISTINCT FROM r.destination)
)
SELECT seen.*, coalesce(lost.lost, 0) AS lost, coalesce(seen >= counted AND within <= counted, false) AS whole,
       coalesce(n.untimed, 0) AS timeless,
       coalesce(seen + timeless >= counted AND within + timeless <= counted, false) AS known,
       CASE WHEN coalesce(lost.lost, 0) > 0 THEN 0 WHEN until + {COUNT_SLACK} >= last_time THEN {FOREVER}
            ELSE until END AS reach,
       CASE WHEN whole THEN reach ELSE 0 END AS complete_until, CASE WHEN known THEN reach ELSE 0 END AS known_until,
       g.resumed
FROM seen LEFT JOIN lost ON lost.service = seen.service AND lost.instance = seen.instance
LEFT JOIN (SELECT service, instance, resumed FROM gaps) g ON g.service = seen.service AND g.instance = seen.instance
LEFT JOIN untimed n ON n.service = seen.service AND n.instance = seen.instance AND n.type = seen.type
    AND n.destination IS NOT DISTINCT FROM seen.destination
"""
COMPLETE = """
CREATE TABLE complete AS
WITH destination AS (SELECT DISTINCT destination FROM operations WHERE destination IS NOT NULL)
SELECT d.destination, min(c.complete_until) AS until, min(c.known_until) AS known_until,
       max(greatest(coalesce(c.since, 0), coalesce(c.resumed, 0))) AS since, bool_and(c.whole) AS sampled
FROM destination d JOIN completeness c
  ON c.destination = d.destination OR starts_with(c.destination, d.destination || ':')
GROUP BY d.destination
UNION ALL
SELECT NULL, coalesce(min(complete_until), 0), coalesce(min(known_until), 0),
       coalesce(max(greatest(coalesce(since, 0), coalesce(resumed, 0))), 0),
       coalesce(bool_and(whole), false)
FROM completeness
"""
# Destinations of which some attempts are known to be missing, though not because most are sampled away: there, a later
# attempt may look like the first one.
SHORT = """
CREATE TABLE short AS
SELECT DISTINCT destination FROM completeness
WHERE type = 'process' AND counted IS NOT NULL AND around < counted AND 2 * seen >= counted
"""
STATEMENTS = (GAPS, COMPLETENESS, COMPLETE, SHORT)


@dataclass(frozen=True)
class Completeness:
    """What one process's metrics counted for one destination, and how many spans of it there are."""

    service: str
    instance: str
    destination: str | None
    type: str
    counted: int | None
    spans: int
    lost: int
    complete: bool

    def as_dict(self) -> dict[str, object]:
        """Return its fields by their names, for a report."""
        return asdict(self)


def ask(tables: Tables) -> list[Completeness]:
    """Return how complete the telemetry of each process is, by destination and type of operation."""
    rows = tables.ask(
        """SELECT service, instance, destination, type, counted::BIGINT, spans, lost::BIGINT, complete_until > 0
           FROM completeness ORDER BY ALL"""
    )
    return [Completeness(*row) for row in rows]
