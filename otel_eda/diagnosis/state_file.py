"""Remembers in a file what was told, from one run to the next; one run has the file at a time."""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from . import BusyError, UnusableError
from .reported import tell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .store import Store

VERSION = 1
KEPT_SECONDS = 3 * 24 * 3600  # what no run has found for so long is forgotten


class StateFile:
    """What was told: occurrences of checks, with their verdicts and when a run found them last."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.told = _read(path)

    def begin(self, store: Store) -> None:
        """Say to a store what was told."""
        tell(store, ((code, name, verdict) for (code, name), (verdict, _) in self.told.items()))

    def remember(self, store: Store) -> None:
        """Write what was told now, too: all of it, or nothing."""
        now = round(time.time())
        for code, name, verdict in store.ask("SELECT code, occurrence, verdict FROM heard"):
            known, _ = self.told.get((code, name), (0, 0))
            self.told[code, name] = max(known, verdict), now
        rows = [[*name, *seen] for name, seen in self.told.items() if seen[1] > now - KEPT_SECONDS]
        beside = self.path.with_name(f"{self.path.name}.new")
        beside.write_text(json.dumps({"version": VERSION, "told": rows}), encoding="utf-8")
        os.replace(beside, self.path)


@contextmanager
def held(path: Path) -> Iterator[StateFile]:
    """Yield a file's memory; raises `BusyError` while another run has it."""
    # Not the file itself, which is replaced when it is written.
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyError(f"another run has {path}: this one leaves it to that") from error
        yield StateFile(path)


def _read(path: Path) -> dict[tuple[str, str], tuple[int, int]]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    try:
        state = json.loads(text)
        if state["version"] != VERSION:
            raise UnusableError(f"{path}: written by another version of otel-eda; without it all is told again")
        return {(code, name): (verdict, found) for code, name, verdict, found in state["told"]}
    except (ValueError, KeyError, TypeError) as error:
        raise UnusableError(f"{path}: not a file of --state; without it all is told again") from error
