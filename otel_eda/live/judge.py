"""Judges what is in the window, again and again, by the same checks as `otel-eda diagnose`."""

from __future__ import annotations

import math
from collections import Counter, deque
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from otel_eda.diagnosis import UnusableError, chain, edges, engine
from otel_eda.diagnosis.settings import EVIDENCE
from otel_eda.diagnosis.sources.jaeger import Jaeger
from otel_eda.diagnosis.store import Store
from otel_eda.diagnosis.told import Told

from .window import MARGIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from otel_eda.diagnosis.catalog import Check
    from otel_eda.diagnosis.finding import Finding, Verdict
    from otel_eda.diagnosis.settings import Settings

    from .window import Window

MEMORY = 400  # MB
RECENT = 100  # findings that may explain others


class Asked:
    """A Jaeger that is asked for the whole window each time; it has every trace once, whenever it came."""

    def __init__(self, url: str, services: Sequence[str], seconds: float) -> None:
        self.url, self.services, self.seconds = url, services, seconds
        self.answered = False  # ever
        self.failed = 0
        self.error: UnusableError | None = None  # the last time

    def files(self, spool: Path) -> Iterator[Path]:
        """Ask; raises `UnusableError`."""
        now = datetime.now(timezone.utc)
        self.error = None
        try:
            yield from Jaeger(self.url, self.services, now - timedelta(seconds=self.seconds), now).files(spool)
        except UnusableError as error:
            self.error, self.failed = error, self.failed + 1
            raise
        self.answered = True


class Judge:
    """What is found, each once: when it is proven, and again when its verdict rises."""

    def __init__(
        self,
        window: Window,
        checks: Iterable[Check],
        settings: Settings,
        asked: Asked | None = None,
        *,
        every: float,
        hold: float,
        evidence: int = EVIDENCE,
    ) -> None:
        self.window, self.checks, self.settings = window, tuple(checks), settings
        self.hold, self.evidence = hold, evidence
        self.clocks = edges.Clocks(window.clock)
        self.told = Told(math.ceil(MARGIN * window.seconds / every) + 1)
        self.recent: deque[Finding] = deque(maxlen=RECENT)
        self.numbers: Counter[Verdict] = Counter()
        self.asked = [asked] if asked else []
        self.said: list[str] = []
        self.spans = 0

    @property
    def verdicts(self) -> Iterator[Verdict]:
        """The verdicts there were."""
        return iter(self.numbers)

    def judge(self) -> list[Finding]:
        """Give what is new."""
        with Store(MEMORY) as store:
            try:
                store.read([self.window, *self.asked])
            except UnusableError:
                # Nothing is judged without what a Jaeger has, for that would look lost; the window keeps the rest.
                self.said = list(store.intake.notes())
                if any(asked.error and not asked.answered for asked in self.asked):
                    raise
                return []
            edges.mark(store, self.clocks, self.hold, self.window.counted)
            self.told.begin()
            diagnosis = engine.diagnose(store, self.checks, self.settings, evidence=self.evidence, told=self.told)
        self.spans, self.said = diagnosis.intake.spans, list(diagnosis.intake.notes())
        found = chain.explained([*diagnosis.findings, *self.recent])[: len(diagnosis.findings)]
        self.recent.extend(found)
        self.numbers.update(finding.verdict for finding in found)
        return found

    def vouch(self) -> None:
        """Raise `UnusableError` if there was nothing to judge, or what came last was not judged."""
        for asked in self.asked:
            if asked.error:
                raise asked.error
        if not self.told.turn:
            raise UnusableError("no OTLP has come, so nothing was judged")

    def notes(self) -> Iterator[str]:
        """Say what was not used, and why."""
        yield from self.said
        for asked in self.asked:
            if asked.failed:
                yield f"{asked.failed:,} times {asked.url} did not answer"
        if self.window.crowded:
            yield f"{self.window.crowded >> 20:,} MB left the window before its time, since there was more than --most"
