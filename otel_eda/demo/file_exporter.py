"""Writes telemetry to files as the OpenTelemetry Collector's file exporter does: a line of OTLP JSON per request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_eda.otlp import REQUESTS, Export
from otel_eda.otlp.json_lines import line

if TYPE_CHECKING:
    from pathlib import Path


class FileExporter:
    """A sink that appends to `traces.jsonl`, `metrics.jsonl` and `logs.jsonl` in a folder, emptied first."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        for file in self.files:
            file.write_text("", encoding="utf-8")

    @property
    def files(self) -> list[Path]:
        """The files of all signals."""
        return [self.file(signal) for signal in REQUESTS]

    def file(self, signal: str) -> Path:
        """Return the file of a signal."""
        return self.folder / f"{signal}.jsonl"

    def __call__(self, export: Export) -> None:
        """Append a request."""
        with self.file(export.signal).open("a", encoding="utf-8") as file:
            file.write(line(export.request) + "\n")
