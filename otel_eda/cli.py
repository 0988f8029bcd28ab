"""The command `otel-eda`: how it begins, and every way in which it ends."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from . import encodings, interrupts
from .diagnosis import CLEAN, UNUSABLE, UnusableError

if TYPE_CHECKING:
    from collections.abc import Sequence

CLOSED = 141  # as a shell has it of a program that SIGPIPE ends
FAULT = "this is a fault of otel-eda itself: please report it with the lines above"
MISSING = "{error}: pip install 'otel-eda[{extra}]'"
WITHOUT_CLI = "; without it there is `python -m otel_eda.doctor`"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command of a command line, by default the process's, and return the exit status."""
    encodings.open_closed()
    encodings.print_anywhere(sys.stdout, sys.stderr)
    try:
        try:
            with interrupts.raised():
                return _run(arguments)
        finally:
            print(end="", flush=True)  # here, since an error at the interpreter's exit would be a traceback
    except KeyboardInterrupt:
        return _complain(interrupts.STOPPED, interrupts.INTERRUPTED)
    except SystemExit as end:  # of typer: after help, completion, or a line that it cannot read
        return _ended(end)
    except Exception as error:  # noqa: BLE001  # the interpreter's own status, 1, would say that something was found
        return _failed(error)


def _run(arguments: Sequence[str] | None) -> int:
    extra = "cli"
    try:
        from . import commands

        invocation = commands.parse(arguments)
        extra = invocation.extra
        return invocation.run()
    except ModuleNotFoundError as error:
        hint = WITHOUT_CLI if extra == "cli" else ""
        return _complain(MISSING.format(error=error, extra=extra) + hint, UNUSABLE)


def _failed(error: Exception) -> int:
    if isinstance(error, BrokenPipeError):
        return _closed()
    if isinstance(error, UnusableError):
        return _complain(str(error), UNUSABLE)
    if isinstance(error, OSError):  # of the system: no room on the disk, no right to read
        _complain(str(error), UNUSABLE)
        _silence(sys.stdout)
        return UNUSABLE
    import traceback

    with suppress(OSError):
        traceback.print_exception(error)
    return _complain(FAULT, UNUSABLE)


def _ended(end: SystemExit) -> int:
    if isinstance(end.__context__, BrokenPipeError):  # typer and rich make it an exit of their own
        return _closed()
    if end.code == interrupts.INTERRUPTED:
        return _complain(interrupts.STOPPED, interrupts.INTERRUPTED)
    return end.code if isinstance(end.code, int) else CLEAN


def _complain(line: str, status: int) -> int:
    """Write a line to standard error, where nothing in it, such as a file's name, can steer the terminal."""
    printable = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line)
    try:
        print(f"otel-eda: {printable}", file=sys.stderr, flush=True)
    except OSError:  # nobody reads it
        _silence(sys.stderr)
    return status


def _closed() -> int:
    _silence(sys.stdout, sys.stderr)
    return CLOSED


def _silence(*streams: TextIO) -> None:
    """Let the interpreter's exit not write once more what these have not taken: its status would be another."""
    for stream in streams:
        with suppress(io.UnsupportedOperation):  # of what is no file
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
