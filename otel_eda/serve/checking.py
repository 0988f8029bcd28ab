"""Runs the checks on what came lately, again and again; on a folder that nobody writes to, once."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from otel_eda.diagnosis import UnusableError, engine, plural
from otel_eda.diagnosis.store import Store
from otel_eda.live.evaluator import NOTHING

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

    from otel_eda.live.evaluator import Evaluator

    from .questions.asking import Reader

REST = 2  # times as long as an evaluation took that the next one waits
BEHIND_SECONDS, PATIENCE_SECONDS = 5.0, 60.0


class Checking:
    """Has an evaluator's findings taken by all findings."""

    def __init__(self, evaluator: Evaluator, reader: Reader, behind: Callable[[], float], *, once: bool) -> None:
        self.evaluator, self.parts, self.behind, self.once = evaluator, reader.parts, behind, once
        self.board, self.found = reader.board, reader.found
        self.took = 0.0  # seconds, the last time
        self.checked = time.monotonic()
        self.failures: Counter[str] = Counter()

    def run(self, ended: threading.Event, every: float) -> None:
        """Check until the end."""
        if self.once:
            self._check_all()
            return
        while not ended.wait(max(every, REST * self.took)):
            if self._has_time():
                self._check()

    def conclude(self) -> None:
        """Check once more, when all that came is kept."""
        if not self.once:
            self._check()

    def check_complete(self) -> None:
        """Raise `UnusableError` if nothing was checked at any time."""
        if not self.found.evaluations:
            raise UnusableError(next(iter(self.failures), NOTHING))

    def _has_time(self) -> bool:
        """Return whether what comes is kept in time, or the checks have waited for long: keeping comes first."""
        return self.behind() < BEHIND_SECONDS or time.monotonic() - self.checked > PATIENCE_SECONDS

    def _check(self) -> None:
        began = time.monotonic()
        try:
            with self.parts.reading():  # what is merged meanwhile is there until its rows are read
                diagnosis = self.evaluator.diagnose()
        except (UnusableError, OSError) as error:  # no room in memory or on the disk: the next time there may be some
            self.failures[str(error)] += 1
        else:
            if diagnosis is not None:
                self.found.update(diagnosis, self.board.now())
        self.checked = time.monotonic()
        self.took = self.checked - began

    def notes(self) -> Iterator[str]:
        """Yield a line for what the checks could not look at."""
        yield from self.evaluator.notes()
        for why, number in list(self.failures.items()):
            yield f"the checks failed {plural(number, 'time')}: {why}"

    def _check_all(self) -> None:
        """Check a record, whose end is the end: what is not there will not come."""
        with Store() as store:
            try:
                store.read([self.evaluator.window])
            except UnusableError as error:
                self.failures[str(error)] += 1
                return
            diagnosis = engine.diagnose(
                store, self.evaluator.checks, self.evaluator.settings, evidence=self.evaluator.evidence
            )
        self.found.update(diagnosis, self.board.now())
