"""Remembers which occurrences were reported, where the same telemetry is evaluated again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .catalog import Check
    from .engines import Tables

PLACE = "cause, system, service, destination, consumer_group, error, alike"
MESSAGE = """CASE WHEN message_offset IS NOT NULL THEN partition_id || '@' || message_offset
                  WHEN message IS NOT NULL THEN message
                  WHEN key_hash IS NOT NULL THEN partition_id || '#' || key_hash ELSE span_id END"""


class Reported:
    """The occurrences that were reported, with their verdicts.

    An occurrence that no evaluation has found for `memory` evaluations is forgotten.
    """

    def __init__(self, memory: int) -> None:
        self.memory = memory
        self.evaluations = 0
        self.verdicts: dict[str, dict[str, tuple[int, int]]] = {}

    def begin(self) -> None:
        """Begin an evaluation, and forget what the last `memory` evaluations did not find."""
        self.evaluations += 1
        oldest = self.evaluations - self.memory
        for code, known in self.verdicts.items():
            self.verdicts[code] = {name: seen for name, seen in known.items() if seen[1] >= oldest}

    def keep_new(self, tables: Tables, check: Check) -> None:
        """Delete from the table `evaluated` what was reported with this verdict or a higher one; remember the rest."""
        known = self.verdicts.setdefault(check.code, {})
        fields = f"{PLACE}, {MESSAGE}" if check.news == "message" else PLACE
        tables.execute("ALTER TABLE evaluated ADD COLUMN id VARCHAR")
        tables.execute(f"UPDATE evaluated SET id = [{fields}]::VARCHAR")
        rows = tables.ask("SELECT id, max(verdict) FROM evaluated GROUP BY id")
        new = [name for name, verdict in rows if verdict > known.get(name, (0, 0))[0]]
        tables.execute("DELETE FROM evaluated WHERE id NOT IN (SELECT unnest(?::VARCHAR[]))", new)
        for name, verdict in rows:
            known[name] = max(verdict, known.get(name, (0, 0))[0]), self.evaluations
