"""Judges what is in the window, again and again, by the same checks as `otel-eda diagnose`."""

from __future__ import annotations

import math
from collections import Counter, deque
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from otel_eda.diagnosis import UnusableError, chain, edges, engine
from otel_eda.diagnosis.commands.diagnose import chosen, settings
from otel_eda.diagnosis.sources.jaeger import Jaeger
from otel_eda.diagnosis.store import Store
from otel_eda.diagnosis.told import Told

from .window import MARGIN

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

    from otel_eda.diagnosis.finding import Finding, Verdict

    from .window import Window

MEMORY = "400MB"
RECENT = 100  # findings that may explain others


class Asked:
    """A Jaeger that is asked for the whole window each time; it has every trace once, whenever it came."""

    def __init__(self, url: str, services: list[str], seconds: float) -> None:
        self.url, self.services, self.seconds = url, services, seconds

    def files(self, spool: Path) -> Iterator[Path]:
        """Ask."""
        now = datetime.now(timezone.utc)
        yield from Jaeger(self.url, self.services, now - timedelta(seconds=self.seconds), now).files(spool)


class Judge:
    """What is found, each once: when it is proven, and again when its verdict rises."""

    def __init__(self, window: Window, options: argparse.Namespace) -> None:
        self.window, self.options = window, options
        self.checks, self.settings = chosen(options), settings(options)
        self.clocks = edges.Clocks(window.clock)
        self.told = Told(math.ceil(MARGIN * options.window / options.every) + 1)
        self.recent: deque[Finding] = deque(maxlen=RECENT)
        self.numbers: Counter[Verdict] = Counter()
        self.asked = [Asked(options.jaeger, options.service, options.window)] if options.jaeger else []
        self.said: list[str] = []
        self.spans = 0
        self.failed = 0

    @property
    def verdicts(self) -> Iterator[Verdict]:
        """The verdicts there were."""
        return iter(self.numbers)

    def judge(self) -> list[Finding]:
        """Give what is new."""
        with Store(MEMORY) as store:
            try:
                store.read([self.window, *self.asked])
            except UnusableError as error:
                self._unusable(error)
                return []
            edges.mark(store, self.clocks, self.options.hold, self.window.counted)
            self.told.begin()
            diagnosis = engine.diagnose(store, self.checks, self.settings, told=self.told)
        self.spans, self.said = diagnosis.intake.spans, list(diagnosis.intake.notes())
        found = chain.explained([*diagnosis.findings, *self.recent])[: len(diagnosis.findings)]
        self.recent.extend(found)
        self.numbers.update(finding.verdict for finding in found)
        return found

    def notes(self) -> Iterator[str]:
        """Say what was not used, and why."""
        yield from self.said
        if self.failed:
            yield f"{self.failed:,} times {self.options.jaeger} did not answer"
        if self.window.crowded:
            yield f"{self.window.crowded >> 20:,} MB left the window before its time, since there was more than --most"

    def _unusable(self, error: UnusableError) -> None:
        if self.asked and str(error).startswith(self.asked[0].url.rstrip("/")):
            self.failed += 1
            if self.told.turn == 0:
                raise error
