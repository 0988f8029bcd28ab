"""Where the window begins and ends, so that nothing is concluded from what is beyond.

**Its end.** What was done last has not come yet: its span may be in an exporter's queue. So nothing is said of what
happened in the last few seconds, by the clock of the service whose it is. What time that shows now is known from the
latest that came of it and from when that came; so it does not matter if clocks are minutes apart, or if it is an old
file that is read.

**Its begin.** A process counts from its own begin, the window shows less. Its first counts in the window are subtracted
from all that follow; from then on counts and spans are compared, and what happened before is not proven.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import facts
from .columns import SERIES

if TYPE_CHECKING:
    from collections.abc import Callable

    from .store import Store

SECOND = 1_000_000_000
SILENT = 2  # times `hold` after which a machine may be gone
LATEST = """
SELECT service, coalesce(host, ''), max(time)::BIGINT FROM (
    SELECT service, host, ended AS time FROM operations UNION ALL SELECT service, host, time FROM metrics)
GROUP BY ALL
"""
UNSETTLED = "DELETE FROM metrics USING clocks c WHERE metrics.service = c.service AND metrics.time > c.settled"
EARLIER = "DELETE FROM metrics USING cuts c WHERE {same} AND metrics.time < c.since"
# Whose counting began before the window, and when it was first read in there.
CUT = """
INSERT INTO cuts
SELECT m.service, m.instance, coalesce(min(m.time) FILTER (m.time >= c.since), min(c.since))
FROM metrics m JOIN clocks c USING (service) WHERE m.rising AND NOT coalesce(m.delta, false)
GROUP BY m.service, m.instance HAVING min(m.started) < min(c.since)
"""
# What is read in one collection has nearly the same time.
BASE = f"""
CREATE TEMP TABLE base AS
SELECT {", ".join(f"m.{name}" for name in SERIES)}, m.started, arg_min(m.value, m.time) AS value,
       arg_min(m.number, m.time) AS number, any_value(c.since) AS since
FROM metrics m JOIN cuts c ON m.service = c.service AND m.instance = c.instance
WHERE m.rising AND NOT coalesce(m.delta, false) AND m.started < c.since AND m.time <= c.since + {SECOND}
GROUP BY ALL
"""
REBASED = f"""
UPDATE metrics SET value = metrics.value - b.value, number = metrics.number - b.number FROM base b
WHERE {" AND ".join(f"metrics.{name} IS NOT DISTINCT FROM b.{name}" for name in SERIES)}
      AND metrics.started = b.started
"""
SHORTENED = """
UPDATE metrics SET started = c.since FROM cuts c
WHERE metrics.service = c.service AND metrics.instance = c.instance AND metrics.started < c.since
"""


class Clocks:
    """What time the services' clocks show, as far as they have told: nanoseconds since 1970."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.known: dict[tuple[str, str], tuple[int, float]] = {}

    def hear(self, store: Store) -> None:
        """Learn the latest of each service and machine; one of which nothing is left in the window is forgotten."""
        now, before, self.known = self.clock(), self.known, {}
        for service, host, time in store.ask(LATEST):
            known = before.get((service, host), (0, 0.0))
            self.known[service, host] = (time, now) if time > known[0] else known

    def now(self, silence: float) -> dict[str, int]:
        """Give each service's time; of clocks that are apart the one that is behind.

        A machine that has told nothing for so many seconds, when others of its service have, may be gone: it holds
        up nothing, and all that has come of it is old enough.
        """
        last: dict[str, float] = {}
        for (service, _), (_, heard) in self.known.items():
            last[service] = max(heard, last.get(service, heard))
        times: dict[str, int] = {}
        for (service, _), (time, heard) in self.known.items():
            if heard >= last[service] - silence:
                shown = time + round((self.clock() - heard) * SECOND)
                times[service] = min(shown, times.get(service, shown))
        return times


def mark(store: Store, clocks: Clocks, hold: float, counted: float) -> None:
    """Tell a store that was just read what is beyond the window: `hold` seconds at its end, all before `counted`."""
    clocks.hear(store)
    for statement in facts.EDGES:
        store.connection.execute(statement)
    times = clocks.now(SILENT * hold)
    store.connection.execute(
        "INSERT INTO clocks SELECT service, now, now - ?, now - ? FROM (SELECT unnest(?) AS service, unnest(?) AS now)",
        [round(hold * SECOND), round(counted * SECOND), list(times), list(times.values())],
    )
    same = "metrics.service = c.service AND metrics.instance = c.instance"
    for statement in (UNSETTLED, CUT, EARLIER.format(same=same), BASE, REBASED, SHORTENED):
        store.connection.execute(statement)
