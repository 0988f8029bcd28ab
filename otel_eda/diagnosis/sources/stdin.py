"""Reads telemetry from standard input."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from .formats import as_json_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAGIC = {b"\x1f\x8b": ".gz", b"\x28\xb5": ".zst"}


class Stdin:
    """Standard input, kept in a file because it is read several times."""

    def files(self, spool: Path) -> Iterator[Path]:
        """Yield the one file."""
        start = sys.stdin.buffer.read(2)
        path = spool / f"standard input{MAGIC.get(start, '')}"
        with path.open("wb") as file:
            file.write(start)
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield as_json_lines(path, spool)
