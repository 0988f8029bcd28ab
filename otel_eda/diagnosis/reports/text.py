"""For people: one screen first, details on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from otel_eda.diagnosis import plural
from otel_eda.diagnosis.finding import Verdict

from .plain import moment, period, place, plain, printable
from .rows import rows
from .table import STYLES, Findings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from otel_eda.diagnosis.engine import Diagnosis
    from otel_eda.diagnosis.finding import Evidence, Finding

SHOWN = 20
FEW = 5


def write(diagnosis: Diagnosis, file: TextIO, jaeger: str | None, *, details: bool) -> None:
    """Write the report."""
    console = Console(file=file, highlight=False, width=None if file.isatty() else 120)
    parts = _detailed(diagnosis, jaeger) if details else _brief(diagnosis)
    console.print(*parts, *(plain(f"Note: {note}", "dim") for note in notes(diagnosis)), sep="\n")


def _brief(diagnosis: Diagnosis) -> Iterator[RenderableType]:
    yield from screen(diagnosis)
    if diagnosis.findings:
        yield Text(_rest(diagnosis), style="dim")


def _detailed(diagnosis: Diagnosis, jaeger: str | None) -> Iterator[RenderableType]:
    found = rows(diagnosis.findings)
    yield summary(diagnosis)
    if found:
        yield Findings(found, diagnosis.window)
    yield from (_details(finding, jaeger) for row in found for finding in row.findings)


def screen(diagnosis: Diagnosis) -> Iterator[RenderableType]:
    """Lay out what fits on a screen: how much was found, the first findings, and of few also what to do."""
    found = rows(diagnosis.findings)
    yield summary(diagnosis)
    if found:
        yield Findings(found[:SHOWN], diagnosis.window)
    if len(found) <= FEW:
        yield from (advice(row.first) for row in found)


def advice(finding: Finding) -> RenderableType:
    """Say why it may have happened, and what to do."""
    because = "".join(f" ← {said}" for said in finding.because)
    lines = Table.grid(padding=(0, 2, 0, 0))
    lines.add_row(Text(finding.code, "bold", no_wrap=True), plain(finding.cause + because))
    lines.add_row("", plain(finding.action))
    return lines


def _rest(diagnosis: Diagnosis) -> str:
    more = len(rows(diagnosis.findings)) - SHOWN
    hidden = f"{more} more; " if more > 0 else ""
    return f"{hidden}--details shows evidence and actions, otel-eda explain CODE what a code means."


def summary(diagnosis: Diagnosis) -> Text:
    """Say in a line or two what was read and how much was found."""
    numbers = {
        verdict: sum(finding.verdict == verdict for finding in diagnosis.findings) for verdict in reversed(Verdict)
    }
    window = diagnosis.window
    time = f" from {moment(window.first)} to {moment(window.last)}" if window.last else ""
    read = f"{plural(diagnosis.intake.spans, 'span')}{time}: "
    if not diagnosis.findings:
        style = "bold yellow" if diagnosis.not_run else "bold green"
        return Text.assemble(read, (f"nothing {'new' if diagnosis.only_news else 'found'}", style))
    found = [(f"{number} {verdict.name.lower()}", STYLES[verdict]) for verdict, number in numbers.items() if number]
    parts = [part for item in found for part in (item, ", ")][:-1]
    return Text.assemble(read, *parts)


def notes(diagnosis: Diagnosis) -> Iterator[str]:
    """Say what did not run, what was not read, and what limits the findings."""
    yield from (f"{code} did not run: {why}" for code, why in diagnosis.not_run.items())
    yield from diagnosis.intake.notes()
    yield from limits(diagnosis)


def limits(diagnosis: Diagnosis, waits: str = "--grace") -> Iterator[str]:
    """Say what limits the findings; `waits` are the options that say how old a message must be."""
    unsure = [item for item in diagnosis.completeness if not item.complete]
    if unsure:
        blind = sum(item.counted is None for item in unsure)
        why = "no metrics of them were read" if blind == len(unsure) else "spans of them are missing"
        yield (
            f"of {len(unsure)} of {len(diagnosis.completeness)} clients it is not certain that all spans are here "
            f"({why}), so what is missing proves less"
        )
    if diagnosis.young:
        codes = ", ".join(f"{code}: {number:,}" for code, number in sorted(diagnosis.young.items()))
        yield (
            f"of messages that are too young nothing is said yet ({codes}): "
            f"look again later, or shorten the time with {waits}"
        )
    yield from diagnosis.unasked


def _details(finding: Finding, jaeger: str | None) -> RenderableType:
    """Lay out one finding with everything that is known of it."""
    head = Text.assemble(
        ("\n" + finding.code, "bold"), "  ", (finding.verdict.name, STYLES[finding.verdict]), "  ", finding.title,
        "  ", plain(place(finding), "bold"),
    )  # fmt: skip
    lines = [plain(line) for line in _lines(finding)]
    proofs = [_proof(item, jaeger) for item in finding.evidence]
    gates = [
        Text.assemble((gate.code, "bold"), " held: " if gate.held else " open: ", gate.why) for gate in finding.gates
    ]
    return Group(head, Padding(Group(*lines, *proofs, *gates), (0, 0, 0, 4)))


def _lines(finding: Finding) -> Iterator[str]:
    yield f"{plural(finding.count, 'time')}, {period(finding)}"
    for name, value in (
        ("group", finding.group),
        ("error", finding.error),
        ("message", finding.message),
        ("key", finding.key),
    ):
        if value:
            yield f"{name} {value}"
    yield f"cause: {finding.cause}"
    for because in finding.because:
        yield f"  ← {because}"
    yield f"do: {finding.action}"


def _proof(item: Evidence, jaeger: str | None) -> Text:
    line = plain(f"proof: {item.detail or ''}{_position(item)}")
    for trace, span in ((item.trace_id, item.span_id), (item.other_trace_id, item.other_span_id)):
        if trace:
            line.append(
                f"\n  {printable(link(jaeger, trace)) if jaeger else f'trace {trace}'} span {span}", style="dim"
            )
    return line


def _position(item: Evidence) -> str:
    if item.offset is None:
        return ""
    around = [
        f"{name} {offset}" for name, offset in (("before", item.before), ("after", item.after)) if offset is not None
    ]
    done = f", the group did {' and '.join(around)}" if around else ""
    return f" (partition {item.partition} offset {item.offset}{done})"


def link(jaeger: str, trace: str) -> str:
    """Give the address of a trace's page."""
    return f"{jaeger.rstrip('/')}/trace/{trace}"
