"""Telemetry of known truth as it comes: by and by, late, and with counts that go on."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from diagnosis.telemetry import BEGIN, SECOND, Service, Telemetry, metric, scoped

from otel_eda import commands
from otel_eda.live.evaluator import Evaluator
from otel_eda.live.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from otel_eda.diagnosis.finding import Finding


@dataclass
class Stream:
    """A world's telemetry as it arrives: spans `late` seconds after their end, counts every `interval` seconds."""

    world: Telemetry
    late: float = 1.0
    interval: float = 1.0
    skipped: dict[float, int] = field(default_factory=dict)  # what billing's ledger has counted from then on

    def between(self, begin: float, end: float) -> Iterator[bytes]:
        """Give what arrives in a time."""
        for service in self.world.services:
            spans = [span.json for span in service.spans if begin < self._ended(service, span.json) + self.late <= end]
            if spans:
                yield json.dumps(scoped(service, "resourceSpans", "scopeSpans", "spans", spans)).encode()
        for number in range(round(end / self.interval) + 1):
            if begin < number * self.interval <= end:
                yield from self._counts(number * self.interval)

    def _counts(self, at: float) -> Iterator[bytes]:
        for service in self.world.services:
            numbers = Counter(_place(span.json) for span in service.spans if self._ended(service, span.json) <= at)
            time = BEGIN + round((at + service.skew) * SECOND)
            found = [
                metric(type_, number, time, {"messaging.destination.name": destination})
                for (type_, destination), number in numbers.items()
                if type_ in {"send", "process"}
            ]
            found += [
                _counter("eda.skipped.messages", number, time, service)
                for since, number in self.skipped.items()
                if service.group and since <= at
            ][-1:]
            if found:
                yield json.dumps(scoped(service, "resourceMetrics", "scopeMetrics", "metrics", found)).encode()

    def _ended(self, service: Service, span: dict[str, Any]) -> float:
        return (int(span["endTimeUnixNano"]) - BEGIN) / SECOND - service.skew


def _place(span: dict[str, Any]) -> tuple[str, str]:
    said = {pair["key"]: next(iter(pair["value"].values())) for pair in span["attributes"]}
    return said.get("messaging.operation.type", ""), said.get("messaging.destination.name", "")


def _counter(name: str, number: int, time: int, service: Service) -> dict[str, Any]:
    said = {"messaging.system": "kafka", "messaging.destination.name": "orders"}
    made = metric("send", number, time, {**said, "messaging.consumer.group.name": service.group})
    return {**made, "name": name}


class Watched:
    """A stream that is watched, by a clock of its own, with the options of a command line."""

    def __init__(self, stream: Stream, folder: Path, *arguments: str, begin: float = 0.0) -> None:
        self.stream, self.at = stream, begin
        call = commands.parse(["watch", *arguments]).run
        assert isinstance(call, partial)
        pace, judging, bounds = (call.keywords[name] for name in ("pace", "judging", "bounds"))
        self.window = Window(folder, pace.window, pace.most << 20, lambda: self.at)
        self.evaluator = Evaluator(
            self.window, judging.checks(), bounds, every=pace.every, hold=pace.hold, evidence=judging.evidence
        )

    def until(self, end: float, step: float = 12.0) -> list[Finding]:
        """Let it come, and evaluate again and again; return all findings."""
        told = []
        while self.at < end:
            before, self.at = self.at, min(self.at + step, end)
            self.window.add(self.stream.between(before, self.at))
            told += self.evaluator.evaluate()
        return told
