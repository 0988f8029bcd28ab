"""For a browser: one file that needs nothing else, and shows what telemetry says as text only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from otel_eda.diagnosis import charts

from .json import document
from .rows import rows
from .text import notes

if TYPE_CHECKING:
    from otel_eda.diagnosis.engine import Diagnosis
    from otel_eda.diagnosis.store import Store

PAGE = Path(__file__).with_name("page.html")
DATA = "/*DATA*/null"
DRAWN = 2  # occurrences of a finding whose spans are drawn


def write(diagnosis: Diagnosis, store: Store, file: TextIO, jaeger: str | None) -> None:
    """Write the report."""
    window = diagnosis.window
    data: dict[str, Any] = document(diagnosis, jaeger)
    data["notes"] = list(notes(diagnosis))
    data["window"] |= {"first": window.first, "last": window.last}
    data["flow"] = charts.flow(store)
    data["charts"] = charts.series(store, window.first, window.last)
    numbers = {id(finding): number for number, finding in enumerate(diagnosis.findings)}
    found = rows(diagnosis.findings)
    data["rows"] = [[numbers[id(finding)] for finding in row.findings] for row in found]
    evidence = (item for row in found for finding in row.findings for item in finding.evidence[:DRAWN])
    data["events"] = charts.events(store, evidence)
    file.write(PAGE.read_text(encoding="utf-8").replace(DATA, embedded(data)))


def embedded(data: Any) -> str:
    """Write JSON that cannot end the script it stands in."""
    text = json.dumps(data, ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
