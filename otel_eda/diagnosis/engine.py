"""Runs checks: their SQL selects candidates, gates tell how far each is proven, similar ones become one finding."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import LimitError, causes, facts, gates, realms, reported
from .blindness import blindness
from .finding import Evidence, Finding, Gate, Verdict
from .settings import EVIDENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .catalog import Check
    from .engines import Tables
    from .intake import Intake
    from .settings import Bounds

GATES = tuple(gates.CONDITIONS)
# The columns that a check's SQL may have. `weight` is the number of messages that a row stands for, `alike` is whatever
# else tells findings apart, `at_most` is the highest verdict that the row's own facts allow.
COLUMNS = {
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
GROUP = ("cause", "verdict", "system", "service", "destination", "consumer_group", "error", "alike")
# What is said of a group as a whole.
WHOLE = {
    "number": "sum(coalesce(weight, 1))::BIGINT",
    "only_partition": "CASE WHEN count(DISTINCT partition_id) = 1 THEN min(partition_id) END",
    "first_offset": "min(message_offset)",
    "last_offset": "max(message_offset)",
    "only_key": "CASE WHEN count(DISTINCT key_hash) = 1 THEN min(key_hash) END",
    "only_message": "CASE WHEN count(DISTINCT message) = 1 THEN min(message) END",
    "earliest": "min(first_time)",
    "latest": "max(last_time)",
}
# The fields of `Evidence`, and which occurrences of a group are shown first; one order on every engine.
EXAMPLE = (
    "trace_id", "span_id", "other_trace_id", "other_span_id", "instance", "other_instance", "partition_id",
    "message_offset", "before_offset", "after_offset", "message", "first_time", "detail",
)  # fmt: skip
FIRST = ", ".join(
    f"coalesce({name}, {0 if COLUMNS[name] == 'BIGINT' else chr(39) * 2})"
    for name in ("first_time", "message_offset", "span_id", "trace_id", "message", "other_span_id", "detail")
)

# The attempts in the candidates' partitions: those of all partitions would be sorted anew for each check.
NEARBY = """
SELECT a.* FROM around a WHERE (a.consumer_group, a.destination, a.partition_id) IN (
    SELECT DISTINCT m.consumer_group, m.destination, m.partition_id FROM candidate m WHERE m.message_offset IS NOT NULL)
"""

_columns: dict[str, frozenset[str]] = {}
"""The columns of each SQL, which are the same on all tables: to ask for them costs a sixth of a small diagnosis."""


@dataclass(frozen=True)
class Diagnosis:
    """The findings, the time that the spans cover, what was read and how complete it is.

    `unasked` are sentences about what the telemetry cannot tell; `young` is, by check, how many messages are younger
    than the grace, so that nothing is said of them yet; `not_run` is, by check, why it could not run. With
    `only_news` the findings are without what was told before.
    """

    window: facts.Period
    intake: Intake
    completeness: tuple[facts.Completeness, ...]
    findings: tuple[Finding, ...]
    unasked: tuple[str, ...] = ()
    young: Mapping[str, int] = field(default_factory=dict)
    not_run: Mapping[str, str] = field(default_factory=dict)
    only_news: bool = False


def diagnose(
    tables: Tables,
    checks: Iterable[Check],
    settings: Bounds,
    step: Callable[[str], None] = lambda _: None,
    evidence: int = EVIDENCE,
    *,
    only_news: bool = False,
) -> Diagnosis:
    """Run checks over the tables and return what they find.

    `step` is called with the code of each check before it runs. A finding shows `evidence` of its occurrences. With
    `only_news`, findings have only what the table `told` has not, and `heard` has all of it.
    """
    windows: list[facts.Period] = []
    findings: list[Finding] = []
    counted: list[facts.Completeness] = []
    unasked: dict[str, None] = {}
    young: Counter[str] = Counter()
    not_run: dict[str, str] = {}
    for _ in realms.each(tables):
        windows.append(facts.prepare(tables, settings))
        for check in checks:
            step(check.code)
            try:
                findings.extend(run(tables, check, evidence, young, only_news=only_news))
            except LimitError as error:
                not_run[check.code] = str(error)
        unasked.update(dict.fromkeys(blindness(tables)))
        counted.extend(facts.completeness(tables))
    window, found = whole(windows), ordered(findings)
    return Diagnosis(window, tables.intake, tuple(counted), found, tuple(unasked), young, not_run, only_news)


def ordered(findings: list[Finding]) -> tuple[Finding, ...]:
    """Return findings as a report has them: the surest first, each with the chain of its causes."""
    findings.sort(key=lambda finding: (-finding.verdict, finding.code, -finding.count))
    return tuple(causes.linked(findings))


def whole(windows: list[facts.Period]) -> facts.Period:
    """Return the time from the first begin to the last end."""
    return facts.Period(min(window.first for window in windows), max(window.last for window in windows))


def run(
    tables: Tables,
    check: Check,
    evidence: int = EVIDENCE,
    young: Counter[str] | None = None,
    *,
    only_news: bool = False,
) -> list[Finding]:
    """Run one check and return its findings; count in `young` what only the grace keeps from being one."""
    try:
        select(tables, check)
        if not tables.one("SELECT count(*) FROM candidate"):
            return []
        judge(tables, check, Counter() if young is None else young)
        return group(tables, check, evidence, only_news=only_news)
    finally:
        clear(tables)


def select(tables: Tables, check: Check) -> None:
    """Make the table `candidate` of what a check selects."""
    if check.sql not in _columns:
        _columns[check.sql] = frozenset(tables.columns(check.sql))
    present = _columns[check.sql]
    unknown = present - set(COLUMNS)
    if unknown:
        raise ValueError(f"{check.code} has columns that the engine does not know: {', '.join(sorted(unknown))}")
    missing = "".join(f", NULL::{kind} AS {name}" for name, kind in COLUMNS.items() if name not in present)
    tables.execute(f"CREATE TEMP TABLE candidate AS SELECT *{missing} FROM ({check.sql})")


def judge(tables: Tables, check: Check, young: Counter[str]) -> None:
    """Make the table `evaluated` of the candidates; count in `young` what only the grace keeps from being in it."""
    _evaluate(tables, check)
    if "G3" in check.gates:
        young += Counter({check.code: _young(tables, check)})


def group(tables: Tables, check: Check, evidence: int, *, only_news: bool = False) -> list[Finding]:
    """Return the findings that the table `evaluated` is about."""
    if only_news:
        reported.keep_new(tables, check)
    findings = [_finding(check, row) for row in _grouped(tables, evidence)]
    if only_news:
        reported.hear(tables, check)
    return findings


def clear(tables: Tables) -> None:
    """Drop what was made for one check."""
    for table in ("evaluated", "marked", "judged", "candidate"):
        tables.execute(f"DROP TABLE IF EXISTS {table}")


def _evaluate(tables: Tables, check: Check) -> None:
    """Make the table `evaluated`: the candidates with their gates and verdicts, without those that a gate refutes."""
    wanted = {gate: gates.sql(gate, {gate.lower()}) for gate in check.gates}
    columns = ", ".join(f"{sql} AS {gate.lower()}" for gate, sql in wanted.items())
    kept = " AND ".join(f"{gate.lower()} IS NOT false" for gate in wanted) or "true"
    opened = " + ".join(f"({gate.lower()} IS NULL)::INTEGER" for gate in wanted) or "0"
    excluded = ", ".join(gate.lower() for gate in wanted)
    tables.execute(f"""
        CREATE TEMP TABLE judged AS
            WITH nearby AS ({NEARBY})
            SELECT c.* {f"EXCLUDE ({excluded})" if wanted else ""}, b.message_offset AS before_offset,
                   a.message_offset AS after_offset{f", {columns}" if wanted else ""}
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
            -- Telemetry that belongs to it may still come.
            WHERE coalesce(c.last_time <= h.settled, true)
    """)
    tables.execute(f"""
        CREATE TEMP TABLE evaluated AS
        SELECT *, least(greatest(3 - ({opened}), 1),
                        CASE at_most WHEN 'SUSPECT' THEN 1 WHEN 'LIKELY' THEN 2 ELSE 3 END) AS verdict
        FROM judged WHERE {kept}
    """)


def _young(tables: Tables, check: Check) -> int:
    """Return how many messages would be in findings if they had not happened within the grace."""
    others = " AND ".join(f"{gate.lower()} IS NOT false" for gate in check.gates if gate != "G3") or "true"
    number: int = tables.one(
        f"SELECT coalesce(sum(coalesce(weight, 1)), 0)::BIGINT FROM judged WHERE NOT g3 AND {others}"
    )
    return number


def _grouped(tables: Tables, evidence: int) -> list[Mapping[str, Any]]:
    """Return the groups of alike candidates, each with its first `evidence` ones as `examples`."""
    place = ", ".join(GROUP)
    held = {gate.lower(): f"bool_and({gate.lower()} IS NOT NULL)" for gate in GATES}
    values = WHOLE | held
    rows = tables.ask(f"""
        SELECT {place}, {", ".join(f"{sql} AS {name}" for name, sql in values.items())}
        FROM evaluated GROUP BY {place} ORDER BY {place}
    """)
    examples = defaultdict(list)
    for row in tables.ask(f"""
        SELECT {place}, {", ".join(EXAMPLE)}
        FROM (SELECT *, row_number() OVER (PARTITION BY {place} ORDER BY {FIRST}) AS turn FROM evaluated)
        WHERE turn <= {evidence} ORDER BY {place}, turn
    """):
        examples[row[: len(GROUP)]].append(Evidence(*row[len(GROUP) :]))
    return [
        {**dict(zip((*GROUP, *values), row, strict=True)), "examples": tuple(examples[row[: len(GROUP)]])}
        for row in rows
    ]


def _finding(check: Check, row: Mapping[str, Any]) -> Finding:
    evidence = row["examples"]
    cause = check.causes[row["cause"]]
    first = row["first_offset"]
    return Finding(
        code=check.code,
        title=check.title,
        verdict=Verdict(row["verdict"]),
        system=row["system"],
        service=row["service"],
        destination=row["destination"],
        group=row["consumer_group"],
        partition=row["only_partition"],
        offsets=None if first is None else (first, row["last_offset"]),
        key=row["only_key"],
        message=row["only_message"],
        error=row["error"],
        count=row["number"],
        first_time=row["earliest"],
        last_time=row["latest"],
        evidence=evidence,
        gates=tuple(_gate(gate, row[gate.lower()]) for gate in check.gates),
        cause=cause.about,
        action=cause.action,
        detail=evidence[0].detail,
    )


def _gate(code: str, held: bool) -> Gate:
    condition = gates.CONDITIONS[code]
    return Gate(code, held, condition.held if held else condition.open)
