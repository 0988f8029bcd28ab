"""Prints what `otel-eda watch` finds: each finding when it is there, and a summary at the end."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.control import Control
from rich.padding import Padding
from rich.segment import ControlType
from rich.text import Text

from otel_eda.diagnosis import plural
from otel_eda.diagnosis.finding import Verdict
from otel_eda.diagnosis.reports.json import finding as as_json
from otel_eda.diagnosis.reports.plain import moment, period, place, plain
from otel_eda.diagnosis.reports.table import STYLES
from otel_eda.diagnosis.reports.text import link

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from otel_eda.diagnosis.finding import Finding

    from .evaluator import Evaluator
    from .options import FindingFormat

INDENT = (0, 0, 0, 9)  # below a finding's first line
MOST_TRACES = 3  # of a finding
MOST_SERVICES = 8  # that the status line names


class Output:
    """Writes findings as text or JSON lines; all else but the JSON summary goes to standard error."""

    def __init__(self, file: TextIO, format_: FindingFormat, jaeger: str | None) -> None:
        self.file, self.json, self.jaeger = file, format_ == "json", jaeger
        # A terminal's lines are wrapped at words; a file's lines are what others cut.
        self.console = Console(file=file, highlight=False, soft_wrap=not file.isatty())
        self.stderr = Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())
        self.status = Status(self.stderr)
        self.began = time.monotonic()

    def begin(self, places: Sequence[str]) -> None:
        """Print what is watched."""
        self.stderr.print(plain(f"watching {', '.join(places)}; an interrupt (Ctrl-C) ends it", "dim"))

    def heard(self, evaluator: Evaluator) -> None:
        """Show what came and was checked so far."""
        found = evaluator.numbers.total()
        self.status.show(
            evaluator.services,
            f"{plural(evaluator.spans, 'span')} in the window, {plural(found, 'finding')} in {self._seconds():.0f} s",
        )

    def findings(self, findings: Iterable[Finding]) -> None:
        """Print new findings."""
        self.status.clear()
        for finding in findings:
            if self.json:
                self._line({"time": moment(time.time_ns()), **as_json(finding, self.jaeger)})
            else:
                self._print(finding)
        self.file.flush()

    def end(self, evaluator: Evaluator, notes: list[str]) -> None:
        """Print the summary."""
        self.status.clear()
        numbers = {verdict.name.lower(): evaluator.numbers[verdict] for verdict in reversed(Verdict)}
        seconds = self._seconds()
        if self.json:
            self._line({"summary": {"seconds": round(seconds, 1), "spans": evaluator.spans, **numbers, "notes": notes}})
            return
        found = ", ".join(f"{number} {name}" for name, number in numbers.items() if number) or evaluator.nothing
        self.stderr.print(
            plain(f"watched for {seconds:.0f} s, {plural(evaluator.spans, 'span')} in the last window: {found}")
        )
        for note in notes:
            self.stderr.print(plain(f"Note: {note}", "dim"))

    def _seconds(self) -> float:
        return time.monotonic() - self.began

    def _line(self, value: object) -> None:
        self.file.write(json.dumps(value) + "\n")
        self.file.flush()

    def _print(self, finding: Finding) -> None:
        times = f" ({finding.count:,} times)" if finding.count > 1 else ""
        because = "".join(f" ← {said}" for said in finding.because)
        head = Text.assemble(
            (f"{moment(time.time_ns())[11:19]} ", "dim"), (finding.code, "bold"), " ",
            (finding.verdict.name, STYLES[finding.verdict]), f" {finding.title}{times}  ",
            plain(place(finding), "bold"), "  ", plain(finding.detail or ""), f", {period(finding)}",
        )  # fmt: skip
        self.console.print(head)
        for line in (f"{finding.cause}{because}; {finding.action}", self._traces(finding)):
            if line:
                # Padding would fill a file's lines with spaces.
                inner = plain(line, "dim")
                self.console.print(Padding(inner, INDENT) if self.file.isatty() else Text(" " * INDENT[3]) + inner)

    def _traces(self, finding: Finding) -> str:
        shown = finding.trace_ids[:MOST_TRACES]
        return " ".join(link(self.jaeger, trace) if self.jaeger else f"trace {trace}" for trace in shown)


class Status:
    """Which services are heard, and how much: one line that is drawn again and again on a terminal.

    Where there is no terminal, a line is printed when another service is heard.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.known: set[str] = set()
        self.drawn = False

    def show(self, services: Collection[str], numbers: str) -> None:
        """Draw the line anew, or print it if it has something new."""
        names = sorted(services)
        more = len(names) - MOST_SERVICES
        listed = ", ".join([*names[:MOST_SERVICES], *([f"{more} more"] * (more > 0))])
        line = f"hears {listed}: {numbers}" if names else f"has heard nothing yet ({numbers})"
        if self.console.is_terminal:
            self.clear()
            shown = plain(line, "dim")
            shown.truncate(self.console.width - 1, overflow="ellipsis")
            self.console.print(shown, end="")
            self.drawn = True
        elif set(names) - self.known:
            self.console.print(plain(line, "dim"))
        self.known |= set(names)

    def clear(self) -> None:
        """Remove the line, so that another can be printed in its place."""
        if self.drawn:
            self.console.control(Control((ControlType.CARRIAGE_RETURN,), (ControlType.ERASE_IN_LINE, 2)))
            self.drawn = False
