"""Reads telemetry from files, patterns and folders, in any form that `formats` knows."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import TYPE_CHECKING

from otel_eda.diagnosis import UnusableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ENDINGS = (".json", ".jsonl", ".ndjson", ".otlp", ".pb", ".binpb", ".protobuf", ".parquet")
PACKED = ("", ".gz", ".zst")
OF_THE_SYSTEM = "lost+found"  # of a volume; only its administrator may look into it


class Files:
    """A file, all files that match a pattern, or all files in a folder whose names end as those of telemetry do."""

    def __init__(self, place: str) -> None:
        self.place = place

    def files(self, spool: Path) -> Iterator[Path]:
        """Yield the files, as OTLP JSON lines; raises `UnusableError` if there are none, `OSError` if one is hidden."""
        from .formats import as_json_lines
        from .stdin import keep

        for path in self.paths(unreadable=_refuse):
            if path.is_file():
                yield as_json_lines(path, spool)
                continue
            with path.open("rb") as pipe:  # as a shell makes one of `<(command)`
                yield keep(pipe, path.name, spool)

    def paths(self, unreadable: Callable[[OSError], None] | None = None) -> list[Path]:
        """Return where the files are; raises `UnusableError` if there are none.

        `unreadable` is called with the error of each folder that cannot be read.
        """
        path = Path(self.place)
        found = sorted(_inside(path, unreadable)) if path.is_dir() else [path] if path.exists() else self._matching()
        if path.is_dir() and not found:
            raise UnusableError(f"{self.place}: no file in this folder is named as telemetry is: {', '.join(ENDINGS)}")
        if not found:
            raise UnusableError(f"{self.place}: there is no such file, and none in such a folder")
        return found

    def _matching(self) -> list[Path]:
        return sorted(path for path in map(Path, glob.glob(self.place, recursive=True)) if path.is_file())


def _inside(folder: Path, unreadable: Callable[[OSError], None] | None) -> Iterator[Path]:
    for place, folders, names in os.walk(folder, onerror=unreadable):
        if OF_THE_SYSTEM in folders:
            folders.remove(OF_THE_SYSTEM)
        for path in (Path(place, name) for name in names):
            if path.is_file() and path.name.lower().endswith(tuple(end + pack for end in ENDINGS for pack in PACKED)):
                yield path


def _refuse(error: OSError) -> None:
    raise error
