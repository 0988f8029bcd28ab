"""What has been told already, where the same telemetry is judged again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .catalog import Check
    from .store import Store

PLACE = "cause, system, service, destination, consumer_group, alike"
MESSAGE = """CASE WHEN message_offset IS NOT NULL THEN partition_id || '@' || message_offset
                  WHEN message IS NOT NULL THEN message
                  WHEN key_hash IS NOT NULL THEN partition_id || '#' || key_hash ELSE span_id END"""


class Told:
    """The occurrences that have been told, with their verdicts; those that were not found any more are forgotten."""

    def __init__(self, memory: int) -> None:
        self.memory = memory
        self.turn = 0
        self.verdicts: dict[str, dict[str, tuple[int, int]]] = {}

    def begin(self) -> None:
        """Begin to judge again; what was not found in the last `memory` times is forgotten."""
        self.turn += 1
        oldest = self.turn - self.memory
        for code, known in self.verdicts.items():
            self.verdicts[code] = {name: seen for name, seen in known.items() if seen[1] >= oldest}

    def leave_new(self, store: Store, check: Check) -> None:
        """Delete from the table `judged` what has been told with this verdict or a higher one; know the rest."""
        known = self.verdicts.setdefault(check.code, {})
        fields = f"{PLACE}, {MESSAGE}" if check.news == "message" else PLACE
        store.connection.execute("ALTER TABLE judged ADD COLUMN id VARCHAR")
        store.connection.execute(f"UPDATE judged SET id = [{fields}]::VARCHAR")
        found = store.ask("SELECT id, max(verdict) FROM judged GROUP BY id")
        new = [name for name, verdict in found if verdict > known.get(name, (0, 0))[0]]
        store.connection.execute("DELETE FROM judged WHERE id NOT IN (SELECT unnest(?::VARCHAR[]))", [new])
        for name, verdict in found:
            known[name] = max(verdict, known.get(name, (0, 0))[0]), self.turn
