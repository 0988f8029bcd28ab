"""Reads telemetry from standard input and from pipes: what can be read but once is kept in a file."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, BinaryIO

from .formats import as_json_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAGIC = {b"\x1f\x8b": ".gz", b"\x28\xb5": ".zst"}


class Stdin:
    """Standard input, kept in a file because it is read several times."""

    def files(self, spool: Path) -> Iterator[Path]:
        """Yield the one file."""
        yield keep(sys.stdin.buffer, "standard input", spool)


def keep(stream: BinaryIO, name: str, spool: Path) -> Path:
    """Return a file in the folder `spool` with what a stream gives, as OTLP JSON lines; the reports call it `name`."""
    folder = spool / f"stream-{sum(1 for _ in spool.iterdir())}"
    folder.mkdir()
    start = stream.read(2)
    path = folder / f"{name}{MAGIC.get(start, '')}"
    with path.open("wb") as file:
        file.write(start)
        shutil.copyfileobj(stream, file)
    return as_json_lines(path, spool)
