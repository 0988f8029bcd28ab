"""How findings are shown: a module for each format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TextIO, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

    from otel_eda.diagnosis.engine import Diagnosis
    from otel_eda.diagnosis.store import Store

ReportFormat: TypeAlias = Literal["text", "json", "html", "github"]
ENDINGS: dict[str, ReportFormat] = {".json": "json", ".html": "html", ".htm": "html"}


def by_name(file: Path | None) -> ReportFormat:
    """Return the format that a file's name asks for: text if it asks for none, or if there is no file."""
    return ENDINGS.get(file.suffix.lower(), "text") if file else "text"


def write(
    name: ReportFormat,
    diagnosis: Diagnosis,
    store: Store,
    file: TextIO,
    *,
    jaeger: str | None = None,
    details: bool = False,
) -> None:
    """Write a report to a file; `jaeger` is the URL of pages to link traces to, `details` are the text's."""
    if name == "text":
        from . import text

        text.write(diagnosis, file, jaeger, details=details)
    elif name == "json":
        from . import json

        json.write(diagnosis, file, jaeger)
    elif name == "html":
        from . import html

        html.write(diagnosis, store, file, jaeger)
    else:
        from . import github

        github.write(diagnosis, file)
