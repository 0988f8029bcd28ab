"""What `otel-eda watch` prints: a finding when there is one, and a summary at the end."""

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

    from .judge import Judge
    from .options import FindingFormat


class Say:
    """Writes text or JSON lines; what is no finding goes to standard error, but for the JSON summary."""

    def __init__(self, file: TextIO, format_: FindingFormat, jaeger: str | None) -> None:
        self.file, self.json, self.jaeger = file, format_ == "json", jaeger
        self.console = Console(file=file, highlight=False, soft_wrap=True)
        self.aside = Console(stderr=True, highlight=False, soft_wrap=True)
        self.began = time.monotonic()

    def begin(self, places: Sequence[str]) -> None:
        """Say what is watched."""
        self.aside.print(plain(f"watching {', '.join(places)}; an interrupt (Ctrl-C) ends it", "dim"))

    def findings(self, found: Iterable[Finding]) -> None:
        """Say what is new."""
        for finding in found:
            if self.json:
                self._line({"time": moment(time.time_ns()), **as_json(finding, self.jaeger)})
            else:
                self.console.print(_text(finding))
        self.file.flush()

    def end(self, judge: Judge, notes: list[str]) -> None:
        """Sum up."""
        numbers = {verdict.name.lower(): judge.numbers[verdict] for verdict in reversed(Verdict)}
        seconds = time.monotonic() - self.began
        if self.json:
            self._line({"summary": {"seconds": round(seconds, 1), "spans": judge.spans, **numbers, "notes": notes}})
            return
        found = ", ".join(f"{number} {name}" for name, number in numbers.items() if number) or "nothing found"
        self.aside.print(plain(f"watched for {seconds:.0f} s, {judge.spans:,} spans at last: {found}"))
        for note in notes:
            self.aside.print(plain(f"Note: {note}", "dim"))

    def _line(self, said: object) -> None:
        self.file.write(json.dumps(said) + "\n")
        self.file.flush()


def _text(finding: Finding) -> Text:
    times = f" ({finding.count:,} times)" if finding.count > 1 else ""
    because = "".join(f" ← {said}" for said in finding.because)
    return Text.assemble(
        (f"{moment(time.time_ns())[11:19]} ", "dim"), (finding.code, "bold"), " ",
        (finding.verdict.name, STYLES[finding.verdict]), f" {finding.title}{times}  ", plain(place(finding), "bold"),
        "  ", plain(finding.detail or ""), "\n         ", plain(f"{finding.cause}{because}; {finding.action}", "dim"),
    )  # fmt: skip
