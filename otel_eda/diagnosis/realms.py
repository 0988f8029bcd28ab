"""Splits telemetry of environments that share no broker, though names of brokers, topics and services are the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .engines import Tables

TABLES = ("operations", "metrics", "events")
NAMED = "SELECT DISTINCT realm FROM operations WHERE realm IS NOT NULL AND type IS NOT NULL"
# Two realms share a broker if a message went from one to the other, or if one only sends to a destination that the
# other only reads.
PAIRS = """
WITH roles AS (
    SELECT realm, destination, bool_or(type = 'send') AS sends, bool_or(type IN ('process', 'receive')) AS reads
    FROM operations WHERE type IN ('send', 'process', 'receive') AND destination IS NOT NULL GROUP BY ALL
)
SELECT DISTINCT s.realm AS one, w.realm AS other FROM operations s JOIN operations w
    ON w.origin_trace = s.trace_id AND w.origin_span = s.span_id AND w.realm IS DISTINCT FROM s.realm
WHERE s.type = 'send' AND w.type IN ('process', 'receive')
UNION
SELECT s.realm, r.realm FROM roles s JOIN roles r USING (destination) WHERE NOT s.reads AND NOT r.sends
"""


def separate(tables: Tables) -> list[list[str | None]]:
    """Return the realms that share a broker, group by group; nothing if all may share one."""
    named = [row[0] for row in tables.ask(NAMED)]
    if len(named) < 2:
        return []
    groups: list[set[str | None]] = [{name} for name in (None, *named)]
    for one, other in tables.ask(PAIRS):
        joined = [group for group in groups if one in group or other in group]
        groups = [group for group in groups if group not in joined]
        groups.append(set().union(*joined))
    return [sorted(group, key=str) for group in groups] if len(groups) > 1 else []


def each(tables: Tables) -> Iterator[None]:
    """Let the tables hold the telemetry of one group of realms after another, and then all of it again."""
    groups = separate(tables)
    if not groups:
        yield
        return
    for table in TABLES:
        tables.execute(f"ALTER TABLE {table} RENAME TO all_{table}")
    try:
        for group in groups:
            named = ", ".join("?" * len(group))
            for table in TABLES:
                tables.execute(
                    f"CREATE TABLE {table} AS SELECT * FROM all_{table} WHERE coalesce(realm, '') IN ({named})",
                    *(name or "" for name in group),
                )
            if tables.one("SELECT count(*) FROM operations"):
                yield
            _drop(tables)
    finally:
        for table in TABLES:
            tables.execute(f"DROP TABLE IF EXISTS {table}")
            tables.execute(f"ALTER TABLE all_{table} RENAME TO {table}")


def _drop(tables: Tables) -> None:
    """Drop what was made of one group's telemetry."""
    kept = {"watermarks", "cuts", "told", "heard", *(f"all_{table}" for table in TABLES)}
    for kind, name in tables.made():
        if name not in kept:
            tables.execute(f"DROP {kind} {name}")
