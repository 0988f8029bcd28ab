"""Time series of destinations, groups and consumers, made from the readings of their metrics.

A reading that is not there is a gap, never a zero: where one process of several did not report, what all have together
is not known. A counter counts from the reading before it in the same run of its process, so a restart takes nothing
away.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from otel_eda import semconv
from otel_eda.diagnosis.columns import SERIES
from otel_eda.diagnosis.settings import SECOND
from otel_eda.forecast import TimeSeries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_eda.diagnosis.engines import Statements

MOST_VALUES = 600_000  # of all series together
FEWEST_STEPS, MOST_STEPS = 200, 1500  # of one series
AFTER_CHANGE = 1  # steps for which a sum is not known after a process has gone: nobody else reports its share yet
# How often each process reads its metrics; readings of one collection have nearly the same time.
PACES = f"""
CREATE TABLE paces AS
SELECT instance, median(gap) AS pace, min(time) AS first_time FROM (
    SELECT instance, time, time - lag(time) OVER (PARTITION BY instance ORDER BY time) AS gap
    FROM (SELECT DISTINCT instance, time FROM metrics))
WHERE gap IS NULL OR gap > {SECOND // 5}
GROUP BY instance HAVING count(gap) > 0
"""
USED = {"margin": "least", "behind": "most", "depth": "most", "poll": "most"}  # of several parts; of all others the sum
OF_ANY = {"margin"}  # known by any part: where nothing waits there is none
PLACE = "kind, system, destination, consumer_group, consumer"
# What is measured: by the metric, what it is called, of which part of a whole each reading is.
LEVELS = {
    semconv.LAG: ("lag", "coalesce(m.partition_id, m.instance)"),
    semconv.LAG_TIME: ("behind", "coalesce(m.partition_id, m.instance)"),
    semconv.MARGIN: ("margin", "coalesce(m.partition_id, m.instance)"),
    semconv.DEPTH: ("depth", "''"),
    semconv.POLL_AGE: ("poll", "m.instance"),
}
RUN = ", ".join(f"m.{name}" for name in SERIES)
# A counter's value since the reading before it, with the time that passed. A series that begins while its process is
# known to run was not there before, so all of it is new.
COUNTED = f"""
SELECT m.name, m.system, m.service, m.instance, m.destination, m.consumer_group, m.error, m.time, m.value, m.number,
       m.delta, coalesce(m.started, 0) AS started, p.pace, p.first_time,
       lag(m.time) OVER run AS time_before, lag(coalesce(m.started, 0)) OVER run AS started_before,
       lag(m.value) OVER run AS value_before, lag(m.number) OVER run AS number_before
FROM metrics AS m JOIN paces AS p ON p.instance = m.instance
WHERE m.name IN ('{semconv.SENT}', '{semconv.PROCESS_DURATION}') AND m.destination IS NOT NULL
WINDOW run AS (PARTITION BY {RUN} ORDER BY m.time)
"""
INCREASE = f"""
SELECT *, CASE WHEN name = '{semconv.SENT}' THEN value ELSE cast(number AS DOUBLE) END AS counted,
       CASE WHEN delta THEN CASE WHEN started > 0 THEN time - started ELSE pace END
            WHEN time_before IS NOT NULL AND started = started_before THEN time - time_before
            WHEN started > 0 AND time - started <= 2 * pace THEN time - started
            WHEN time_before IS NULL AND time - first_time > pace / 2 THEN pace END AS passed,
       CASE WHEN time_before IS NOT NULL AND started = started_before AND delta IS DISTINCT FROM true
            THEN CASE WHEN name = '{semconv.SENT}' THEN value_before ELSE cast(number_before AS DOUBLE) END
            ELSE 0.0 END AS counted_before,
       CASE WHEN time_before IS NOT NULL AND started = started_before AND delta IS DISTINCT FROM true
            THEN value_before ELSE 0.0 END AS summed_before
FROM counted
"""
COLLECTIONS = "(round((max(time) - min(time)) / min(pace)) + 1)"
MEASURED = f"""
CREATE TABLE measured AS
WITH counted AS ({COUNTED}), increase AS ({INCREASE}), sound AS (
    -- What fell without a new run, or was counted for too short a time, is not known.
    SELECT name, system, service, instance, destination, consumer_group, error, time, first_time, pace, counted,
           counted_before, value, summed_before,
           CASE WHEN counted >= counted_before AND value >= summed_before AND passed >= pace / 2 THEN passed END
           AS passed
    FROM increase
), reading AS (
    SELECT CASE {" ".join(f"WHEN m.name = '{name}' THEN '{kind}'" for name, (kind, _) in LEVELS.items())} END AS kind,
           m.system, m.service, m.destination, m.consumer_group,
           CASE WHEN m.name = '{semconv.POLL_AGE}' THEN m.instance END AS consumer,
           CASE {" ".join(f"WHEN m.name = '{name}' THEN {part}" for name, (_, part) in LEVELS.items())} END AS part,
           m.partition_id IS NOT NULL AS stays, m.time, p.first_time, p.pace, m.value,
           cast(NULL AS DOUBLE) AS busy, cast(NULL AS DOUBLE) AS failed
    FROM metrics AS m JOIN paces AS p ON p.instance = m.instance
    WHERE m.name IN ({", ".join(f"'{name}'" for name in LEVELS)})
    UNION ALL
    SELECT CASE WHEN name = '{semconv.SENT}' THEN 'sent' ELSE 'processed' END, system, service, destination,
           consumer_group, cast(NULL AS VARCHAR), instance, false, time, first_time, pace,
           (counted - counted_before) / passed * {SECOND}, (value - summed_before) / passed * {SECOND},
           CASE WHEN error IS NULL THEN 0.0 ELSE (counted - counted_before) / passed * {SECOND} END
    FROM sound
), paced AS (
    SELECT *, max(pace) OVER place AS slowest, max(time) OVER whole - min(time) OVER whole AS span,
           max(time) OVER place AS latest
    FROM reading
    -- What is compared with each other, such as lag and processing, has the same steps.
    WINDOW place AS (PARTITION BY {PLACE}), whole AS (PARTITION BY system, destination, consumer_group)
), stepped AS (
    -- As many collections in each step, so that none counts for more. A pause between two polls comes to its limit
    -- within minutes: of pauses there is each collection, and they are not known for as long.
    SELECT *, slowest * CASE WHEN kind = 'poll' THEN 1 ELSE greatest(ceil(span / (slowest * ?)), 1) END AS step
    FROM paced WHERE kind <> 'poll' OR time > latest - slowest * ?
), placed AS (
    SELECT *, cast(floor(first_time / step) + floor((time - first_time) / step + 0.5) AS BIGINT) AS bucket
    FROM stepped
), last_of AS (
    SELECT *, max(time) OVER (PARTITION BY {PLACE}, part, bucket) AS last_time FROM placed
)
SELECT {PLACE}, part, stays, step, bucket, min(service) AS service,
       CASE WHEN kind = 'sent' OR kind = 'processed'
            THEN CASE WHEN count(*) = count(value) THEN sum(value) / {COLLECTIONS} END
            ELSE max(value) END AS value,
       sum(busy) / {COLLECTIONS} AS busy, sum(failed) / {COLLECTIONS} AS failed
FROM last_of
WHERE time > last_time - {SECOND // 5} OR kind = 'poll' OR kind = 'sent' OR kind = 'processed'
GROUP BY {PLACE}, part, stays, step, bucket
"""
WHOLE = f"""
SELECT {PLACE}, step, bucket, min(service), sum(value), min(value), max(value), sum(busy), sum(failed), count(value)
FROM measured GROUP BY {PLACE}, step, bucket ORDER BY {PLACE}, step, bucket
"""
PARTS = f"SELECT {PLACE}, stays, min(bucket), max(bucket) FROM measured GROUP BY {PLACE}, part, stays"
PLACES = "SELECT count(*) FROM (SELECT DISTINCT name, destination, consumer_group FROM metrics) AS place"


class SeriesPlace(NamedTuple):
    """What a series is of."""

    kind: str
    system: str | None
    destination: str | None
    group: str | None
    consumer: str | None


class Step(NamedTuple):
    """What the processes of a place reported in one step."""

    step: float
    bucket: int
    service: str | None
    total: float | None
    least: float | None
    most: float | None
    busy: float | None
    failed: float | None
    present: int


class Life(NamedTuple):
    """From when to when a part of a whole was reported; what stays must be reported until the end."""

    stays: bool
    first: int
    last: int


@dataclass(frozen=True)
class Measured:
    """The series of one place: of what is counted also the seconds of work, and the failures, each second."""

    place: SeriesPlace
    service: str | None
    values: TimeSeries
    busy: TimeSeries
    failed: TimeSeries

    @property
    def where(self) -> tuple[str | None, str | None, str | None, str | None, str | None]:
        """The system, service, consumer, destination and group, as rows have them."""
        return self.place.system, self.service, self.place.consumer, self.place.destination, self.place.group


def measured(tables: Statements) -> Iterator[Measured]:
    """Yield the series that there are, place by place."""
    tables.execute(PACES)
    places = max(tables.one(PLACES), 1)
    steps = max(FEWEST_STEPS, min(MOST_STEPS, MOST_VALUES // places))
    tables.execute(MEASURED, steps, steps)
    lives, steps = defaultdict(list), defaultdict(list)
    for row in tables.ask(PARTS):
        lives[SeriesPlace(*row[:5])].append(Life(*row[5:]))
    for row in tables.ask(WHOLE):
        steps[SeriesPlace(*row[:5])].append(Step(*row[5:]))
    for place, found in steps.items():
        yield _assembled(place, found, lives[place])


def _assembled(place: SeriesPlace, steps: list[Step], lives: list[Life]) -> Measured:
    first, last, step = steps[0].bucket, steps[-1].bucket, steps[0].step / SECOND
    by_bucket = {one.bucket: one for one in steps}
    expected = [0] * (last - first + 1) if place.kind in OF_ANY else _expected(lives, first, last)
    whole = [
        one if (one := by_bucket.get(bucket)) and one.present >= expected[bucket - first] else None
        for bucket in range(first, last + 1)
    ]

    def series(name: str) -> TimeSeries:
        return TimeSeries(first * step, step, [getattr(one, name) if one else None for one in whole])

    return Measured(place, steps[-1].service, series(USED.get(place.kind, "total")), series("busy"), series("failed"))


def _expected(lives: list[Life], first: int, last: int) -> list[int]:
    """Return how many parts must be reported in each step for the whole to be known."""
    changes = [0] * (last - first + 2 + AFTER_CHANGE)
    for life in lives:
        changes[life.first - first] += 1
        gone = last if life.stays else min(life.last + (AFTER_CHANGE if life.last < last else 0), last)
        changes[gone - first + 1] -= 1
    return list(accumulate(changes))
