"""Tells what was reported already from news, where the same telemetry is evaluated again and again.

The table `told` holds what earlier evaluations reported, `heard` what this one finds, told already or not. Who calls
the engine fills `told` before, and remembers `heard` when the report has been written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .catalog import Check
    from .engines import Tables
    from .store import Store

OCCURRENCES = "(code VARCHAR, occurrence VARCHAR, verdict BIGINT)"
MEMORY = (f"CREATE TABLE told {OCCURRENCES}", f"CREATE TABLE heard {OCCURRENCES}")
PLACE = ("cause", "system", "service", "destination", "consumer_group", "error", "alike")
MESSAGE = """CASE WHEN message_offset IS NOT NULL THEN partition_id || '@' || message_offset
                  WHEN message IS NOT NULL THEN message
                  WHEN key_hash IS NOT NULL THEN partition_id || '#' || key_hash ELSE span_id END"""
# An occurrence is news if nobody told it, or told it as less certain.
NEWS = """
CREATE TEMP TABLE evaluated AS
SELECT m.* FROM marked m JOIN (
    SELECT code, occurrence, max(verdict) AS verdict FROM marked GROUP BY code, occurrence
) i ON i.code = m.code AND i.occurrence = m.occurrence
WHERE NOT EXISTS (
    SELECT 1 FROM told t WHERE t.code = i.code AND t.occurrence = i.occurrence AND t.verdict >= i.verdict)
"""
TOLD = "INSERT INTO told SELECT unnest(?::VARCHAR[]), unnest(?::VARCHAR[]), unnest(?::BIGINT[])"
HEARD = "INSERT INTO heard SELECT code, occurrence, max(verdict) FROM marked GROUP BY code, occurrence"


def keep_new(tables: Tables, checks: Sequence[Check]) -> None:
    """Leave in the table `evaluated` only what was not told; `marked` has all of it."""
    place, message = (
        " || '|' || ".join(f"coalesce({field}, '')" for field in every) for every in (PLACE, (*PLACE, MESSAGE))
    )
    of_messages = ", ".join(repr(check.code) for check in checks if check.news == "message") or "NULL"
    occurrence = f"md5(CASE WHEN code IN ({of_messages}) THEN {message} ELSE {place} END)"
    tables.execute(f"CREATE TEMP TABLE marked AS SELECT *, {occurrence} AS occurrence FROM evaluated")
    tables.execute("DROP TABLE evaluated")
    tables.execute(NEWS)


def hear(tables: Tables) -> None:
    """Note what is `marked`: it is in findings now, or was told before."""
    tables.execute(HEARD)


class Reported:
    """The occurrences that were reported, with their verdicts.

    An occurrence that no evaluation has found for `memory` evaluations is forgotten.
    """

    def __init__(self, memory: int) -> None:
        self.memory = memory
        self.evaluations = 0
        self.verdicts: dict[tuple[str, str], tuple[int, int]] = {}

    def begin(self, store: Store) -> None:
        """Begin an evaluation of a store, and forget what the last `memory` evaluations did not find."""
        self.evaluations += 1
        oldest = self.evaluations - self.memory
        self.verdicts = {name: seen for name, seen in self.verdicts.items() if seen[1] >= oldest}
        tell(store, ((*name, verdict) for name, (verdict, _) in self.verdicts.items()))

    def remember(self, store: Store) -> None:
        """Remember what the evaluation heard."""
        for code, occurrence, verdict in store.ask("SELECT code, occurrence, verdict FROM heard"):
            known, _ = self.verdicts.get((code, occurrence), (0, 0))
            self.verdicts[code, occurrence] = max(known, verdict), self.evaluations


def tell(store: Store, occurrences: Iterable[tuple[str, str, int]]) -> None:
    """Say which occurrences were told: their checks' codes, their names, their verdicts."""
    for statement in MEMORY:
        store.execute(statement)
    rows = list(occurrences)
    store.execute(TOLD, *([row[place] for row in rows] for place in range(3)))
