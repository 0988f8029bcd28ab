"""Keys that a person presses while `otel-eda top` runs: how rows are sorted, which are shown, and the end."""

from __future__ import annotations

import os
import select
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SORTS = ("name", "rate", "failed", "lag")
HELP = "s sorts, / filters, q ends"
ENTER, ESCAPE, BACK = "\r\n", "\x1b", "\x7f\b"


class Keys:
    """What was pressed so far; `ended` is set by the one that ends the command."""

    def __init__(self, ended: threading.Event) -> None:
        self.ended = ended
        self.sort = SORTS[0]
        self.filter = ""
        self.typing = False

    def press(self, key: str) -> None:
        """Take one key."""
        if self.typing:
            self._type(key)
        elif key == "q":
            self.ended.set()
        elif key == "s":
            self.sort = SORTS[(SORTS.index(self.sort) + 1) % len(SORTS)]
        elif key == "/":
            self.typing, self.filter = True, ""
        elif key == ESCAPE:
            self.filter = ""

    @property
    def status(self) -> str:
        """What holds now, and which keys there are."""
        shown = f"/{self.filter}{'▏' if self.typing else ''}" if self.filter or self.typing else "all"
        return f"sorted by {self.sort}, {shown}; {HELP}"

    def fits(self, *names: str) -> bool:
        """Return whether a row with one of these names is shown."""
        return not self.filter or any(self.filter.casefold() in name.casefold() for name in names)

    @contextmanager
    def read(self) -> Iterator[None]:
        """Take keys during the block, if there is a terminal that has them."""
        if sys.platform == "win32" or not sys.stdin.isatty():
            yield
            return
        import termios
        import tty

        number = sys.stdin.fileno()
        before = termios.tcgetattr(number)
        ours, theirs = os.pipe()
        thread = threading.Thread(target=self._listen, args=(number, ours), daemon=True)
        try:
            tty.setcbreak(number)
            thread.start()
            yield
        finally:
            os.close(theirs)
            thread.join()
            os.close(ours)
            termios.tcsetattr(number, termios.TCSADRAIN, before)

    def _listen(self, number: int, ours: int) -> None:
        while True:
            ready, _, _ = select.select([number, ours], [], [])
            if ours in ready or not (pressed := os.read(number, 64)):
                return
            for key in pressed.decode(errors="replace"):
                self.press(key)

    def _type(self, key: str) -> None:
        if key in ENTER:
            self.typing = False
        elif key == ESCAPE:
            self.typing, self.filter = False, ""
        elif key in BACK:
            self.filter = self.filter[:-1]
        elif key.isprintable():
            self.filter += key
