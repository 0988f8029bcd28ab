"""For GitHub's workflow runs: an annotation for each finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from otel_eda.diagnosis import plural
from otel_eda.diagnosis.finding import Verdict

from .plain import period, place, printable

if TYPE_CHECKING:
    from otel_eda.diagnosis.engine import Diagnosis

LEVELS = {Verdict.CONFIRMED: "error", Verdict.LIKELY: "warning", Verdict.SUSPECT: "notice"}


def write(diagnosis: Diagnosis, file: TextIO) -> None:
    """Write the report; one line each, since a line that begins with `::` is a command."""
    for finding in diagnosis.findings:
        title = escape(f"{finding.code} {finding.title}").replace(":", "%3A").replace(",", "%2C")
        when = f"{plural(finding.count, 'time')}, {period(finding)}"
        text = f"{place(finding)}: {when}: {finding.detail or finding.cause}. {finding.action}"
        file.write(f"::{LEVELS[finding.verdict]} title={title}::{escape(text)}\n")


def escape(text: str) -> str:
    """Write what cannot be part of a command's line as GitHub reads it."""
    return printable(text).replace("%", "%25")
