"""What diagnosis finds in the demo's telemetry, and its report for a browser."""

from __future__ import annotations

import argparse
import sys
import webbrowser
from typing import TYPE_CHECKING

from otel_eda.diagnosis import catalog, engine
from otel_eda.diagnosis.reports import html
from otel_eda.diagnosis.settings import Settings
from otel_eda.diagnosis.sources.files import Files
from otel_eda.diagnosis.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from otel_eda.diagnosis.engine import Diagnosis

OVER = Settings(grace=0.0)  # the day is over: what has not come by now will not come
DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")


def diagnosed(files: Iterable[Path], report: Path, jaeger: str | None) -> Diagnosis:
    """Diagnose files of telemetry as `otel-eda diagnose` does, and write the report."""
    with Store() as store, report.open("w", encoding="utf-8") as file:
        store.read(Files(str(path)) for path in files)
        diagnosis = engine.diagnose(store, catalog.checks(), OVER)
        html.write(diagnosis, store, file, argparse.Namespace(jaeger_url=jaeger))
    return diagnosis


def look(report: Path) -> None:
    """Open a report in the browser."""
    webbrowser.open(report.resolve().as_uri())


def watched(environ: Mapping[str, str]) -> bool:
    """Tell whether a person looks on: at a terminal, with a display, and not in continuous integration."""
    displayed = sys.platform in {"darwin", "win32"} or any(map(environ.get, DISPLAYS))
    return sys.stdout.isatty() and displayed and not environ.get("CI")
