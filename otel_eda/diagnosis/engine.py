"""Runs checks: candidates are selected and judged, and those that are alike become one finding."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import LimitError, candidates, causes, completeness, facts, gates, realms, reported
from .blindness import blindness
from .candidates import COLUMNS, GATES
from .finding import Evidence, Finding, Gate, Verdict
from .settings import EVIDENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from .catalog import Check
    from .completeness import Completeness
    from .engines import Tables
    from .intake import Intake
    from .settings import Bounds

GROUP = ("code", "cause", "verdict", "system", "service", "destination", "consumer_group", "error", "alike")
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


@dataclass(frozen=True)
class Diagnosis:
    """The findings, the time that the spans cover, what was read and how complete it is.

    `unasked` are sentences about what the telemetry cannot tell; `young` is, by check, how many messages are younger
    than the grace, or than a window's hold, so that nothing is said of them yet; `not_run` is, by check, why it could
    not run. With `only_news` the findings are without what was told before.
    """

    window: facts.Period
    intake: Intake
    completeness: tuple[Completeness, ...]
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
    counted: list[Completeness] = []
    unasked: dict[str, None] = {}
    young: Counter[str] = Counter()
    not_run: dict[str, str] = {}
    parts = [tuple(checks)] if tables.at_once else [(check,) for check in checks]
    for _ in realms.each(tables):
        windows.append(facts.prepare(tables, settings))
        for part in parts:
            try:
                findings.extend(run(tables, part, evidence, young, step, only_news=only_news))
            except LimitError as error:  # noqa: PERF203  # the other checks go on
                not_run.update((check.code, str(error)) for check in part)
        unasked.update(dict.fromkeys(blindness(tables)))
        counted.extend(completeness.ask(tables))
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
    checks: Sequence[Check],
    evidence: int = EVIDENCE,
    young: Counter[str] | None = None,
    step: Callable[[str], None] = lambda _: None,
    *,
    only_news: bool = False,
) -> list[Finding]:
    """Run checks and return their findings; count in `young` what only its age keeps from being one."""
    try:
        candidates.create(tables)
        for check in checks:
            step(check.code)
            candidates.select(tables, check)
        if not tables.one("SELECT count(*) FROM candidate"):
            return []
        candidates.judge(tables, checks, Counter() if young is None else young)
        return group(tables, checks, evidence, only_news=only_news)
    finally:
        candidates.clear(tables)


def group(tables: Tables, checks: Sequence[Check], evidence: int, *, only_news: bool = False) -> list[Finding]:
    """Return the findings that the table `evaluated` is about."""
    if only_news:
        reported.keep_new(tables, checks)
    of = {check.code: check for check in checks}
    findings = [_finding(of[row["code"]], row) for row in _grouped(tables, evidence)]
    if only_news:
        reported.hear(tables)
    return findings


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
