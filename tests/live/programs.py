"""`otel-eda watch` and `otel-eda top` as a user runs them."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.programs import BARE, MAIN, Program, running
from support.waiting import until

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

QUICK = ("--every", "1s", "--hold", "2s", "--grace", "2")
ANYWHERE = ("--otlp", "127.0.0.1:0", "--format", "json")
PATIENCE = 60.0  # seconds


def command(*arguments: object) -> AbstractContextManager[Program]:
    """Run `otel-eda` with these arguments."""
    return running(BARE, "-c", MAIN, *arguments)


def found(program: Program) -> list[dict[str, Any]]:
    """Give the findings that `--format json` has told so far."""
    lines = program.output.rpartition("\n")[0].splitlines()
    return [said for said in map(json.loads, lines) if "code" in said]


def codes(program: Program) -> list[tuple[str, str, list[int] | None]]:
    """Give what was told so far: code, verdict, offsets."""
    return [(one["code"], one["verdict"], one["offset"]) for one in found(program)]


def summary(program: Program) -> dict[str, Any]:
    """Give the last line of `--format json`."""
    said: dict[str, Any] = json.loads(program.output.splitlines()[-1])["summary"]
    return said


def endpoint(program: Program) -> str:
    """Give where it receives OTLP, as soon as it does."""
    until(lambda: "interrupt" in program.errors or program.process.poll() is not None, "a receiver")
    assert program.process.poll() is None, program.errors
    return program.errors.partition("OTLP on ")[2].partition(";")[0].partition(",")[0]


def memory(program: Program) -> int:
    """Give the most memory it has had, in bytes."""
    status = Path(f"/proc/{program.process.pid}/status").read_text("utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) << 10
