"""A program in a real pseudo terminal, and what is on its screen."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyte
from support.programs import BARE, MAIN

if TYPE_CHECKING:
    from collections.abc import Iterator

LINES, COLUMNS = 60, 160
SIZED = {"NO_COLOR", "CI", "COLUMNS", "LINES"}  # they would overrule the terminal


class Terminal:
    """A terminal of 60 lines; everything that a program wrote to it is kept, too."""

    def __init__(self, *arguments: object, columns: int) -> None:
        self.screen = pyte.Screen(columns, LINES)
        self.stream = pyte.ByteStream(self.screen)
        self.written = b""
        self.lock = threading.Lock()
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, columns, 0, 0))
        environ = {name: value for name, value in BARE.surroundings().items() if name not in SIZED}
        self.process = subprocess.Popen(
            [sys.executable, "-c", MAIN, *map(str, arguments)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**environ, "TERM": "xterm-256color"},
            start_new_session=True,
            preexec_fn=_control,  # noqa: PLW1509  # else Ctrl-C would reach nobody
        )
        os.close(theirs)
        self.ours = ours
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        while True:
            try:
                got = os.read(self.ours, 65536)
            except OSError:  # the other end is closed
                return
            with self.lock:
                self.written += got
                self.stream.feed(got)

    def lines(self) -> list[str]:
        """Give what is on the screen."""
        with self.lock:
            return [line.rstrip() for line in self.screen.display]

    def row(self, *beginning: str) -> list[str]:
        """Give the cells of the last line that begins with these words."""
        found = [line.split() for line in self.lines() if line.split()[: len(beginning)] == list(beginning)]
        return found[-1] if found else []

    def interrupt(self) -> None:
        """Type Ctrl-C."""
        os.write(self.ours, b"\x03")

    def press(self, keys: str) -> None:
        """Press keys."""
        os.write(self.ours, keys.encode())

    def finish(self, patience: float = 120.0) -> int:
        """Wait for the program's end, and for all that it wrote; gives its exit status."""
        status = self.process.wait(patience)
        self.reader.join(10)
        return status


def _control() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@contextmanager
def terminal(*arguments: object, columns: int = COLUMNS) -> Iterator[Terminal]:
    """Run `otel-eda` in a terminal that is so wide."""
    made = Terminal(*arguments, columns=columns)
    try:
        yield made
    finally:
        made.process.kill()
        made.process.wait()
        made.reader.join(10)
        os.close(made.ours)
