"""What checks select, and how far it is proven: their SQL selects candidates, gates judge them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from . import gates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .catalog import Check
    from .engines import Tables

GATES = tuple(gates.CONDITIONS)
# The columns of a candidate: all but `code`, the check's, may be in a check's SQL. `weight` is the number of messages
# that a row stands for, `alike` is whatever else tells findings apart, `at_most` is the highest verdict that the row's
# own facts allow.
COLUMNS = {
    "code": "VARCHAR",
    "system": "VARCHAR",
    "service": "VARCHAR",
    "destination": "VARCHAR",
    "consumer_group": "VARCHAR",
    "partition_id": "VARCHAR",
    "message_offset": "BIGINT",
    "key_hash": "VARCHAR",
    "message": "VARCHAR",
    "error": "VARCHAR",
    "instance": "VARCHAR",
    "other_instance": "VARCHAR",
    "host": "VARCHAR",
    "other_host": "VARCHAR",
    "trace_id": "VARCHAR",
    "span_id": "VARCHAR",
    "other_trace_id": "VARCHAR",
    "other_span_id": "VARCHAR",
    "first_time": "BIGINT",
    "last_time": "BIGINT",
    "weight": "BIGINT",
    "cause": "VARCHAR",
    "at_most": "VARCHAR",
    "alike": "VARCHAR",
    "detail": "VARCHAR",
    **{gate.lower(): "BOOLEAN" for gate in GATES},
}

# The attempts in the candidates' partitions: those of all partitions would be sorted anew for each check.
NEARBY = """
SELECT a.* FROM around a WHERE (a.consumer_group, a.destination, a.partition_id) IN (
    SELECT DISTINCT m.consumer_group, m.destination, m.partition_id FROM candidate m WHERE m.message_offset IS NOT NULL)
"""


def create(tables: Tables) -> None:
    """Make the table `candidate`, without rows."""
    tables.execute(f"CREATE TEMP TABLE candidate ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())})")


def select(tables: Tables, check: Check) -> None:
    """Insert into the table `candidate` what a check selects."""
    for question in check.questions:
        tables.insert("candidate", f"SELECT '{check.code}' AS code, * FROM ({question})")


def judge(tables: Tables, checks: Sequence[Check], young: Counter[str]) -> None:
    """Make the table `evaluated` of the candidates; count in `young` what only its age keeps from being in it."""
    _evaluate(tables, checks)
    young += _young(tables)


def clear(tables: Tables) -> None:
    """Drop what was made of candidates."""
    for table in ("evaluated", "marked", "judged", "candidate"):
        tables.execute(f"DROP TABLE IF EXISTS {table}")


def _evaluate(tables: Tables, checks: Sequence[Check]) -> None:
    """Make the table `evaluated`: the candidates with their gates and verdicts, without those that a gate refutes."""
    columns = ", ".join(f"{_gate(gate, checks)} AS {gate.lower()}" for gate in GATES)
    kept = " AND ".join(f"{gate.lower()} IS NOT false" for gate in GATES)
    opened = " + ".join(f"({gate.lower()} IS NULL)::INTEGER" for gate in GATES)
    tables.execute(f"""
        CREATE TEMP TABLE judged AS
            WITH nearby AS ({NEARBY})
            SELECT c.* EXCLUDE ({", ".join(gate.lower() for gate in GATES)}), b.message_offset AS before_offset,
                   a.message_offset AS after_offset, coalesce(c.last_time <= h.settled, true) AS is_settled, {columns}
            FROM candidate c CROSS JOIN settings s
            LEFT JOIN complete k ON k.destination IS NOT DISTINCT FROM c.destination
            LEFT JOIN epochs e ON e.destination = c.destination
            LEFT JOIN graces n ON n.destination = c.destination
            LEFT JOIN services v ON v.service = c.service
            LEFT JOIN watermarks h ON h.service = c.service
            ASOF LEFT JOIN nearby b ON b.consumer_group = c.consumer_group AND b.destination = c.destination
                AND b.partition_id = c.partition_id AND b.message_offset < c.message_offset
            ASOF LEFT JOIN nearby a ON a.consumer_group = c.consumer_group AND a.destination = c.destination
                AND a.partition_id = c.partition_id AND a.message_offset > c.message_offset
    """)
    tables.execute(f"""
        CREATE TEMP TABLE evaluated AS
        SELECT *, least(greatest(3 - ({opened}), 1),
                        CASE at_most WHEN 'SUSPECT' THEN 1 WHEN 'LIKELY' THEN 2 ELSE 3 END) AS verdict
        FROM judged WHERE is_settled AND {kept} -- else telemetry that belongs to it may still come
    """)


def _gate(gate: str, checks: Sequence[Check]) -> str:
    """Return the SQL of a gate: it holds for the candidates of checks that do not ask for it."""
    asking = [check.code for check in checks if gate in check.gates]
    if not asking:
        return "true"
    condition = gates.sql(gate)
    if len(asking) == len(checks):
        return condition
    return f"CASE WHEN c.code NOT IN ({', '.join(repr(code) for code in asking)}) THEN true ELSE {condition} END"


def _young(tables: Tables) -> Counter[str]:
    """Return how many messages would be in findings of each check if they had happened longer ago."""
    others = " AND ".join(f"{gate.lower()} IS NOT false" for gate in GATES if gate != "G3")
    number = "coalesce(sum(coalesce(weight, 1)), 0)::BIGINT"
    which = f"NOT (g3 AND is_settled) AND {others}"
    return Counter(dict(tables.ask(f"SELECT code, {number} FROM judged WHERE {which} GROUP BY code")))
