"""Writes a mix, has it diagnosed in a process of its own, and scores what is said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import damage
from .draw import cells
from .score import Score, scored

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .cell import Cell, Line
    from .damage import Left

ALL = "1000000"  # occurrences that a finding shows
PROGRAM = "import sys; from otel_eda.cli import main; sys.exit(main(sys.argv[1:]))"


@dataclass(frozen=True)
class Examination:
    """How a diagnosis of a mix went: what it says, what was left to say, and what it took."""

    score: Score
    left: Left
    cells: int
    spans: int
    wall: float
    processor: float
    memory: float


def examine(folder: Path, spans: int, seed: int, size: int | None = None) -> Examination:
    """Write a mix into a folder and diagnose it; the larger the mix is, the more traffic has each cell."""
    files, report = folder / "telemetry", folder / "findings.json"
    files.mkdir(parents=True, exist_ok=True)
    mixed: list[Cell] = []
    left = damage.write(_lines(mixed, spans, seed, size or max(1, min(4, spans // 250_000))), files, seed)
    options = ["--format", "json", "--fail-on", "never", "--evidence", ALL, "--output", str(report)]
    wall, processor, memory = _run("diagnose", str(files), *options)
    document: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    score = scored(mixed, left, document["findings"])
    return Examination(score, left, len(mixed), document["completeness"]["spans"], wall, processor, memory)


def _lines(mixed: list[Cell], spans: int, seed: int, size: int) -> Iterator[Line]:
    for cell in cells(spans, seed, size):
        yield from cell.lines()
        for service in cell.world.services:
            service.spans.clear()
        mixed.append(cell)


def _run(*arguments: str) -> tuple[float, float, float]:
    """Return the wall time, the processor time and the peak memory in MB of a command in a process of its own."""
    command, begin = [sys.executable, "-c", PROGRAM, *arguments], time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return time.perf_counter() - begin, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000
