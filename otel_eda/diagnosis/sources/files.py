"""Reads telemetry from files, patterns and folders, in any form that `formats` knows."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import TYPE_CHECKING

from otel_eda.diagnosis import UnusableError

if TYPE_CHECKING:
    from collections.abc import Iterator

ENDINGS = (".json", ".jsonl", ".ndjson", ".otlp", ".pb", ".binpb", ".protobuf", ".parquet")
PACKED = ("", ".gz", ".zst")


class Files:
    """A file, all files that match a pattern, or all files in a folder whose names end as those of telemetry do."""

    def __init__(self, place: str) -> None:
        self.place = place

    def files(self, spool: Path) -> Iterator[Path]:
        """Yield the files, as OTLP JSON lines; raises `UnusableError` if there are none."""
        from .formats import as_json_lines

        for path in self.paths():
            yield as_json_lines(path, spool)

    def paths(self) -> list[Path]:
        """Return where the files are; raises `UnusableError` if there are none."""
        path = Path(self.place)
        found = sorted(_inside(path)) if path.is_dir() else [path] if path.exists() else self._matching()
        if path.is_dir() and not found:
            raise UnusableError(f"{self.place}: no file in this folder is named as telemetry is: {', '.join(ENDINGS)}")
        if not found:
            raise UnusableError(f"{self.place}: there is no such file, and none in such a folder")
        return found

    def _matching(self) -> list[Path]:
        return sorted(path for path in map(Path, glob.glob(self.place, recursive=True)) if path.is_file())


def _inside(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and path.name.lower().endswith(tuple(end + pack for end in ENDINGS for pack in PACKED)):
            yield path
