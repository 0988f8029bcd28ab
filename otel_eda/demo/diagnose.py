"""What diagnosis finds in the demo's telemetry, and its report for a browser."""

from __future__ import annotations

import sys
import webbrowser
from typing import TYPE_CHECKING

from otel_eda.diagnosis import catalog, engine
from otel_eda.diagnosis.reports import write
from otel_eda.diagnosis.settings import Bounds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from otel_eda.diagnosis.engine import Diagnosis
    from otel_eda.diagnosis.store import Store

OVER = Bounds(grace=0.0)  # the day is over: what has not come by now will not come
DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")


def diagnose(store: Store, report: Path, jaeger: str | None) -> Diagnosis:
    """Diagnose a store as `otel-eda diagnose` does, and write the report for a browser."""
    diagnosis = engine.diagnose(store, catalog.checks(), OVER)
    with report.open("w", encoding="utf-8") as file:
        write("html", diagnosis, store, file, jaeger=jaeger)
    return diagnosis


def look(report: Path) -> None:
    """Open a report in the browser."""
    webbrowser.open(report.resolve().as_uri())


def watched(environ: Mapping[str, str]) -> bool:
    """Return whether a person looks on: at a terminal, with a display, and not in continuous integration."""
    displayed = sys.platform in {"darwin", "win32"} or any(map(environ.get, DISPLAYS))
    return sys.stdout.isatty() and displayed and not environ.get("CI")
