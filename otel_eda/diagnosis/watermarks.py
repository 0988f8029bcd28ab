"""Limits a window of telemetry to what is known there, so that nothing is concluded from what lies beyond.

**The window's end.** The latest spans may still be in an exporter's queue. So nothing is concluded about the last few
seconds, by the clock of the service in question. What that clock shows now is known from the latest time in the
service's telemetry and from when it arrived. So it does not matter if clocks are minutes apart, or if a file is old.

**The window's begin.** A process counts from its own start, and the window shows less. So its first counts in the
window are subtracted from all later ones. From then on counts and spans are compared; nothing earlier is proven.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import facts
from .columns import SERIES
from .settings import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable

    from .engines import Tables
    from .store import Store

SILENT_HOLDS = 2  # a machine may be gone if nothing came of it for so many times `hold`
LATEST = """
SELECT service, coalesce(host, ''), max(time)::BIGINT FROM (
    SELECT service, host, ended AS time FROM operations UNION ALL SELECT service, host, time FROM metrics)
GROUP BY ALL
"""
MARKS = """
INSERT INTO watermarks
SELECT service, now, now - ?, now - ? FROM (SELECT unnest(?) AS service, unnest(?) AS now)
"""
# Of a time that has passed: each service's telemetry ends when the time does, or before.
PAST_MARKS = """
INSERT INTO watermarks
SELECT service, least(max(time), ?), ?, ? FROM (
    SELECT service, ended AS time FROM operations UNION ALL SELECT service, time FROM metrics)
GROUP BY service
"""
# The metrics that say nothing of a time after the window.
SETTLED = """
CREATE TABLE settled AS
SELECT m.* FROM metrics m LEFT JOIN watermarks w ON w.service = m.service
WHERE coalesce(m.time <= w.settled, true)
"""
# The processes that began to count before the window, and when they were first read in it.
CUTS = """
INSERT INTO cuts
SELECT m.service, m.instance, coalesce(min(m.time) FILTER (m.time >= w.since), min(w.since))
FROM settled m JOIN watermarks w ON w.service = m.service WHERE m.rising AND NOT coalesce(m.delta, false)
GROUP BY m.service, m.instance HAVING min(m.started) < min(w.since)
"""
# Readings of one collection have nearly the same time.
BASE = f"""
CREATE TABLE base AS
SELECT {", ".join(f"m.{name}" for name in SERIES)}, m.started, arg_min(m.value, m.time) AS value,
       arg_min(m.number, m.time) AS number, true AS known
FROM settled m JOIN cuts c ON m.service = c.service AND m.instance = c.instance
WHERE m.rising AND NOT coalesce(m.delta, false) AND m.started < c.since
      AND m.time BETWEEN c.since AND c.since + {SECOND}
GROUP BY {", ".join(f"m.{name}" for name in SERIES)}, m.started
"""
LIMITED = f"""
CREATE TABLE limited AS
SELECT m.* REPLACE (
    CASE WHEN b.known THEN m.value - b.value ELSE m.value END AS value,
    CASE WHEN b.known THEN m.number - b.number ELSE m.number END AS number,
    CASE WHEN m.started < c.since THEN c.since ELSE m.started END AS started)
FROM settled m LEFT JOIN cuts c ON c.service = m.service AND c.instance = m.instance
LEFT JOIN base b ON {" AND ".join(f"b.{name} IS NOT DISTINCT FROM m.{name}" for name in SERIES)}
     AND b.started = m.started
WHERE coalesce(m.time >= c.since, true)
"""
REPLACED = ("DROP TABLE settled", "DROP TABLE base", "DROP TABLE metrics", "ALTER TABLE limited RENAME TO metrics")


class Watermarks:
    """The latest time in each service's and machine's telemetry, and when it arrived."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.latest: dict[tuple[str, str], tuple[int, float]] = {}

    def update(self, store: Store) -> None:
        """Take the latest times from a store; forget a machine of which the store has nothing."""
        arrival, before, self.latest = self.clock(), self.latest, {}
        for service, host, time in store.ask(LATEST):
            known = before.get((service, host), (0, 0.0))
            self.latest[service, host] = (time, arrival) if time > known[0] else known

    def now(self, silence: float) -> dict[str, int]:
        """Return the time that each service's clock shows, in nanoseconds since 1970.

        Where the clocks of a service's machines differ, the slowest one counts. A machine of which nothing has come
        for `silence` seconds, while other machines of its service went on, may be gone: its clock does not count.
        """
        arrivals: dict[str, float] = {}
        for (service, _), (_, arrival) in self.latest.items():
            arrivals[service] = max(arrival, arrivals.get(service, arrival))
        times: dict[str, int] = {}
        for (service, _), (time, arrival) in self.latest.items():
            if arrival >= arrivals[service] - silence:
                shown = time + round((self.clock() - arrival) * SECOND)
                times[service] = min(shown, times.get(service, shown))
        return times

    def apply(self, store: Store, hold: float, counted: float) -> None:
        """Limit a store just read to what is `hold` seconds old, and its counts to the last `counted` seconds."""
        self.update(store)
        _create_tables(store)
        times = self.now(SILENT_HOLDS * hold)
        bounds = [round(hold * SECOND), round(counted * SECOND), list(times), list(times.values())]
        store.connection.execute(MARKS, bounds)
        _limit_counts(store)


def limit(tables: Tables, since: int, until: int) -> None:
    """Limit tables to a time that has passed; both ends in nanoseconds since 1970."""
    _create_tables(tables)
    tables.execute(PAST_MARKS, until, until, since)
    _limit_counts(tables)


def _create_tables(tables: Tables) -> None:
    for statement in facts.WATERMARKS:
        tables.execute(statement)


def _limit_counts(tables: Tables) -> None:
    for statement in (SETTLED, CUTS, BASE, LIMITED, *REPLACED):
        tables.execute(statement)
