"""Rounds in which all contenders have their turn, each in a process of its own that a user's command starts."""

from __future__ import annotations

import os
import sys
import tempfile
import time
import uuid
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .contenders import DATADOG, ROOMY, ROOT
from .process import Process
from .sources import SOURCES, destination

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from typing_extensions import Self

    from bench.clients import Library

    from .contenders import Contender
    from .sources import Source

WAYS = ("send", "receive")
WARM = 500  # messages
GRACE = 0.2  # seconds


@dataclass(frozen=True)
class Plan:
    """How often and how much: rounds in which nothing may be lost, and runs with everyone's own defaults."""

    rounds: int
    messages: int
    runs: int
    at_full_speed: int


@dataclass
class Found:
    """What was measured of a contender."""

    spent: list[float] = field(default_factory=list)
    """Microseconds of processor time a message, of each round."""
    rates: list[float] = field(default_factory=list)
    """Messages a second of each run at full speed."""
    spans: float = 0.0
    """Spans that a message has."""
    arrived: float = 1.0
    """The share of spans that arrived in the rounds."""
    arrived_at_full_speed: list[float] = field(default_factory=list)
    """The share of spans that arrived, of each run at full speed."""


class Sink:
    """The server that counts."""

    def __init__(self) -> None:
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = Process([sys.executable, "-m", "bench.pipeline.sink"], environ)
        self.ports: Mapping[str, int] = self.process.answer()

    def spans(self, service: str) -> int:
        """Give the number of spans that came from a service."""
        spans: int = self.process.ask(service)[0]
        return spans

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.close()


@dataclass(frozen=True)
class Stage:
    """Where programs of one client run."""

    library: Library
    address: str
    way: str
    sink: Sink
    folder: str

    def source(self) -> Source | None:
        """Give where messages come from, None if they are sent."""
        return SOURCES[self.library.broker](self.address) if self.way == "receive" else None


class Worker:
    """A contender's program."""

    def __init__(self, contender: Contender, stage: Stage, source: Source | None, more: Mapping[str, str]) -> None:
        self.contender, self.sink, self.seen = contender, stage.sink, 0
        self.service = f"{contender.who}-{uuid.uuid4().hex[:8]}"
        where = source.receiver() if source else destination()
        program = ["-m", "bench.pipeline.program", stage.library.name, stage.way, stage.address, where]
        command = [*contender.command(), *program, contender.who, contender.config]
        environ = {**contender.environ(self.service, stage.sink.ports), **more}
        self.process = Process(command, environ, stage.folder)

    def run(self, count: int) -> tuple[float, float, int]:
        """Give microseconds a message, messages a second, and spans that arrived."""
        found = self.process.ask("run", count)
        if self.contender.who == DATADOG:
            time.sleep(GRACE)  # its flush does not wait for what another thread exports already
        before, self.seen = self.seen, self.sink.spans(self.service)
        return found["spent"], found["rate"], self.seen - before

    def spans(self, count: int) -> float:
        """Give the spans of a message, by the SDK's own account, or by what arrives of few messages."""
        if self.contender.who == DATADOG:
            return self.run(count)[2] / count
        spans: float = self.process.ask("ended", count)["spans"]
        return spans


@contextmanager
def working(
    contenders: Sequence[Contender], stage: Stage, source: Source | None, more: Mapping[str, str]
) -> Iterator[list[Worker]]:
    """Have the programs for the length of the block; they are warm."""
    with ExitStack() as stack:
        workers = []
        for contender in contenders:
            workers.append(Worker(contender, stage, source, more))
            stack.enter_context(workers[-1].process)
        fill(source, WARM)
        for worker in workers:
            worker.run(WARM)
        yield workers


def fill(source: Source | None, count: int) -> None:
    """Have messages for the next round."""
    if source is not None:
        source.put(count)


def measure(
    contenders: Sequence[Contender], stage: Stage, plan: Plan, progress: Callable[[], None]
) -> dict[Contender, Found]:
    """Measure them all."""
    found = {contender: Found() for contender in contenders}
    _costs(found, stage, plan, progress)
    for _ in range(plan.runs):
        for contender, each in found.items():
            _speed(contender, each, stage, plan)
            progress()
    return found


def _costs(found: Mapping[Contender, Found], stage: Stage, plan: Plan, progress: Callable[[], None]) -> None:
    source, arrived = stage.source(), dict.fromkeys(found, 0)
    with working(list(found), stage, source, ROOMY) as workers:
        for number in range(plan.rounds):
            fill(source, plan.messages)
            # Nobody is always the one after the bare client.
            start = number % len(workers)
            for worker in workers[start:] + workers[:start]:
                spent, _, spans = worker.run(plan.messages)
                found[worker.contender].spent.append(spent)
                arrived[worker.contender] += spans
            progress()
        fill(source, WARM)
        for worker in workers:
            each = found[worker.contender]
            each.spans = worker.spans(WARM) if worker.contender.protocol else 0.0
            each.arrived = share(arrived[worker.contender], each.spans * plan.messages * plan.rounds)


def _speed(contender: Contender, found: Found, stage: Stage, plan: Plan) -> None:
    source = stage.source()
    with working([contender], stage, source, {}) as (worker,):
        fill(source, plan.at_full_speed)
        _, rate, spans = worker.run(plan.at_full_speed)
    found.rates.append(rate)
    found.arrived_at_full_speed.append(share(spans, found.spans * plan.at_full_speed))


def share(part: float, whole: float) -> float:
    """Give a part's share of the whole, 1 if there is none."""
    return part / whole if whole else 1.0


@contextmanager
def folder() -> Iterator[str]:
    """Have a folder for the length of the block in which there is nothing to import."""
    with tempfile.TemporaryDirectory() as made:
        yield made
