"""How findings are shown: a module for each format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TextIO, TypeAlias

if TYPE_CHECKING:
    from otel_eda.diagnosis.engine import Diagnosis
    from otel_eda.diagnosis.store import Store

ReportFormat: TypeAlias = Literal["text", "json", "html", "github"]


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
