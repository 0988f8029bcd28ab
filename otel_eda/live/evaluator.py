"""Evaluates the window again and again, by the same checks as `otel-eda diagnose`."""

from __future__ import annotations

import math
from collections import Counter, deque
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Protocol

from otel_eda.diagnosis import UnusableError, causes, engine, plural
from otel_eda.diagnosis.reported import Reported
from otel_eda.diagnosis.reports.text import limits
from otel_eda.diagnosis.settings import EVIDENCE
from otel_eda.diagnosis.store import Store
from otel_eda.diagnosis.watermarks import Watermarks

from .window import SPAN_MARGIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from otel_eda.diagnosis.catalog import Check
    from otel_eda.diagnosis.engine import Diagnosis
    from otel_eda.diagnosis.finding import Finding, Verdict
    from otel_eda.diagnosis.settings import Bounds
    from otel_eda.diagnosis.store import Source

MEMORY_MB = 400
NOTHING = "no telemetry has come, so nothing was checked"
RECENT_FINDINGS = 100  # that may be the causes of others


class WindowSource(Protocol):
    """The latest telemetry: a source for diagnosis, and what is known of it as a window on what goes on."""

    seconds: float
    clock: Callable[[], float]

    @property
    def counted(self) -> float:
        """The number of seconds back from now in which counts are compared with spans."""

    def files(self, spool: Path) -> Iterator[Path]:
        """Yield its files."""

    def notes(self) -> Iterator[str]:
        """Yield a line for what left it before its time."""


class Polled:
    """A server that is asked for the whole window each time; `counts` tells that it has metrics of that time, too.

    When it answers again after it did not, it is asked for that time, too, up to `longest` seconds.
    """

    def __init__(
        self,
        name: str,
        source: Callable[[datetime, datetime], Source],
        seconds: float,
        *,
        counts: bool,
        longest: float = 0.0,
    ) -> None:
        self.name, self.source, self.seconds, self.counts = name, source, seconds, counts
        self.longest = max(longest, seconds)
        self.heard = datetime.now(timezone.utc)  # when it answered last
        self.answered = False  # at any time
        self.failures = 0
        self.error: UnusableError | None = None  # of the last time

    def files(self, spool: Path) -> Iterator[Path]:
        """Yield files with the server's answers; raises `UnusableError`."""
        now = datetime.now(timezone.utc)
        since = max(self.heard - timedelta(seconds=self.seconds), now - timedelta(seconds=self.longest))
        self.error = None
        try:
            yield from self.source(since, now).files(spool)
        except UnusableError as error:
            self.error, self.failures = error, self.failures + 1
            raise
        self.answered, self.heard = True, now

    def notes(self) -> Iterator[str]:
        """Yield a line if it did not always answer."""
        if self.failures:
            yield f"{plural(self.failures, 'time')} {self.name} did not answer"


class Evaluator:
    """Finds each fault once: when it is proven, and again when its verdict rises."""

    def __init__(
        self,
        window: WindowSource,
        checks: Iterable[Check],
        settings: Bounds,
        polled: Sequence[Polled] = (),
        *,
        every: float,
        hold: float,
        evidence: int = EVIDENCE,
    ) -> None:
        self.window, self.checks, self.settings = window, tuple(checks), settings
        self.hold, self.evidence = hold, evidence
        self.watermarks = Watermarks(window.clock)
        self.reported = Reported(math.ceil(SPAN_MARGIN * window.seconds / every) + 1)
        self.recent: deque[Finding] = deque(maxlen=RECENT_FINDINGS)
        self.numbers: Counter[Verdict] = Counter()
        self.polled = polled
        self.intake_notes: list[str] = []
        self.limits: list[str] = []  # of what was judged last
        self.spans = 0
        self.services: set[str] = set()

    @property
    def verdicts(self) -> Iterator[Verdict]:
        """The verdicts of all findings so far."""
        return iter(self.numbers)

    @property
    def nothing(self) -> str:
        """What there is to say if there are no findings."""
        return "nothing found" if self.reported.evaluations else "nothing was checked"

    def evaluate(self) -> list[Finding]:
        """Return the new findings."""
        diagnosis = self.diagnose(self.reported)
        if diagnosis is None:
            return []
        found = causes.linked([*diagnosis.findings, *self.recent])[: len(diagnosis.findings)]
        self.recent.extend(found)
        self.numbers.update(finding.verdict for finding in found)
        return found

    def diagnose(self, reported: Reported | None = None) -> Diagnosis | None:
        """Return what the checks find in the window now, or only what is new; None if there is nothing to check."""
        with Store(MEMORY_MB) as store:
            try:
                store.read([self.window, *self.polled])
            except UnusableError:
                # Without the spans that a server has, messages would look lost. The window keeps the rest.
                self.intake_notes = list(store.intake.notes())
                if any(server.error and not server.answered for server in self.polled):
                    raise
                return None
            counted = [server.seconds for server in self.polled if server.counts]
            self.watermarks.apply(store, self.hold, min([self.window.counted, *counted]))
            diagnosis = self._check(store, reported)
        self.services = {item.service for item in diagnosis.completeness}
        self.spans, self.intake_notes = diagnosis.intake.spans, list(diagnosis.intake.notes())
        self.limits = list(limits(diagnosis, "--grace and --hold"))
        return diagnosis

    def _check(self, store: Store, reported: Reported | None) -> Diagnosis:
        if reported is None:
            return engine.diagnose(store, self.checks, self.settings, evidence=self.evidence)
        reported.begin(store)
        diagnosis = engine.diagnose(store, self.checks, self.settings, evidence=self.evidence, only_news=True)
        reported.remember(store)
        return diagnosis

    def check_complete(self) -> None:
        """Raise `UnusableError` if nothing was evaluated, or if the latest telemetry was not."""
        for server in self.polled:
            if server.error:
                raise server.error
        if not self.reported.evaluations:
            raise UnusableError(NOTHING)

    def notes(self) -> Iterator[str]:
        """Yield a line for each kind of telemetry that was not used, with the reason."""
        yield from self.intake_notes
        for server in self.polled:
            yield from server.notes()
        yield from self.window.notes()
