"""Prints what `otel-eda watch` finds: each finding when it is there, and a summary at the end."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.text import Text

from otel_eda.diagnosis.finding import Verdict
from otel_eda.diagnosis.reports.json import finding as as_json
from otel_eda.diagnosis.reports.plain import moment, place, plain
from otel_eda.diagnosis.reports.text import STYLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from otel_eda.diagnosis.finding import Finding

    from .evaluator import Evaluator
    from .options import FindingFormat


class Output:
    """Writes findings as text or JSON lines; all else but the JSON summary goes to standard error."""

    def __init__(self, file: TextIO, format_: FindingFormat, jaeger: str | None) -> None:
        self.file, self.json, self.jaeger = file, format_ == "json", jaeger
        self.console = Console(file=file, highlight=False, soft_wrap=True)
        self.stderr = Console(stderr=True, highlight=False, soft_wrap=True)
        self.began = time.monotonic()

    def begin(self, places: Sequence[str]) -> None:
        """Print what is watched."""
        self.stderr.print(plain(f"watching {', '.join(places)}; an interrupt (Ctrl-C) ends it", "dim"))

    def findings(self, findings: Iterable[Finding]) -> None:
        """Print new findings."""
        for finding in findings:
            if self.json:
                self._line({"time": moment(time.time_ns()), **as_json(finding, self.jaeger)})
            else:
                self.console.print(_text(finding))
        self.file.flush()

    def end(self, evaluator: Evaluator, notes: list[str]) -> None:
        """Print the summary."""
        numbers = {verdict.name.lower(): evaluator.numbers[verdict] for verdict in reversed(Verdict)}
        seconds = time.monotonic() - self.began
        if self.json:
            self._line({"summary": {"seconds": round(seconds, 1), "spans": evaluator.spans, **numbers, "notes": notes}})
            return
        found = ", ".join(f"{number} {name}" for name, number in numbers.items() if number) or "nothing found"
        self.stderr.print(plain(f"watched for {seconds:.0f} s, {evaluator.spans:,} spans in the last window: {found}"))
        for note in notes:
            self.stderr.print(plain(f"Note: {note}", "dim"))

    def _line(self, value: object) -> None:
        self.file.write(json.dumps(value) + "\n")
        self.file.flush()


def _text(finding: Finding) -> Text:
    times = f" ({finding.count:,} times)" if finding.count > 1 else ""
    because = "".join(f" ← {said}" for said in finding.because)
    return Text.assemble(
        (f"{moment(time.time_ns())[11:19]} ", "dim"), (finding.code, "bold"), " ",
        (finding.verdict.name, STYLES[finding.verdict]), f" {finding.title}{times}  ", plain(place(finding), "bold"),
        "  ", plain(finding.detail or ""), "\n         ", plain(f"{finding.cause}{because}; {finding.action}", "dim"),
    )  # fmt: skip
