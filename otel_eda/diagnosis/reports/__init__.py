"""How findings are shown: a module for each format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TextIO, TypeAlias

from otel_eda.diagnosis import UnusableError

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
    store: Store | None,
    file: TextIO,
    *,
    jaeger: str | None = None,
    details: bool = False,
) -> None:
    """Write a report to a file; `jaeger` is the URL of pages to link traces to, `details` are the text's.

    Without a `store` there are no rows to draw, and no HTML.
    """
    if name == "text":
        from . import text

        text.write(diagnosis, file, jaeger, details=details)
    elif name == "json":
        from . import json

        json.write(diagnosis, file, jaeger)
    elif name == "html":
        from . import html

        html.write(diagnosis, _rows(store), file, jaeger)
    else:
        from . import github

        github.write(diagnosis, file)


def check(name: ReportFormat, store: Store | None) -> None:
    """Raise `UnusableError` if a report cannot be written."""
    if name == "html":
        _rows(store)


def _rows(store: Store | None) -> Store:
    if store is None:
        raise UnusableError(
            "an HTML report draws rows, and these stay where they are; a ClickHouse's come here without ?eda="
        )
    return store
