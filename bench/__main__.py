"""`python -m bench`: what instrumentation costs. With `--quick` the ratios only, in half a minute."""

from __future__ import annotations

import argparse
import uuid
from typing import TYPE_CHECKING, Any

from rich.progress import Progress

from . import books, report
from .contenders import ALL, HAND, OFFICIAL, OURS, TRACES, Entry
from .rounds import BASE, Plan, measure
from .signals import differences
from .throughput import broker
from .worker import Worker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .rounds import Round

FULL = Plan(generations=5, rounds=20, messages=200)
QUICK = Plan(generations=1, rounds=25, messages=100)
MESSAGES = 1_000_000  # whose memory is watched
SENT = 5_000  # through the broker
RUNS = 3
PROFILED = 2000
SAME = ("send", "loop", "batch")


def main() -> int:
    """Run, and print the tables; whether a goal is reached is for who reads them."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="ratios only, less exact")
    quick = parser.parse_args().quick
    report.console.print(report.machine())
    wrong = [line for config in (TRACES, ALL) for line in _different(config)]
    if wrong:
        report.console.print("The contenders do not emit the same signals (by hand against ours):", *wrong, sep="\n")
        return 1
    rounds = _rounds(QUICK if quick else FULL)
    for table in (report.costs(rounds), report.goals(rounds)):
        report.console.print(table)
    report.console.print(report.noisy(rounds))
    report.console.print(report.ledger(books.kept()))
    if not quick:
        _rest()
    return 0


def _different(config: str) -> list[str]:
    with Worker(Entry(HAND, config)) as hand, Worker(Entry(OURS, config)) as ours:
        for worker in (hand, ours):
            worker.tell("signals")
        return differences(hand.answer(), ours.answer())


def _rounds(plan: Plan) -> list[Round]:
    with Progress(console=report.console, transient=True) as progress:
        task = progress.add_task("measuring", total=plan.generations * plan.rounds)
        return measure(plan, lambda: progress.advance(task))


def _rest() -> None:
    with report.console.status("profiling"):
        profiles = _profiles()
    report.console.print(*report.steps(profiles))
    with report.console.status("watching memory"):
        memory = _memory()
    report.console.print(report.memory(memory, MESSAGES))
    with report.console.status("sending through a broker"), broker() as (address, name):
        throughput = _throughput(address)
    report.console.print(report.throughput(throughput, name, SENT))


def _profiles() -> dict[tuple[str, str], Mapping[str, Any]]:
    with Worker(Entry(HAND, ALL)) as hand, Worker(Entry(OURS, ALL)) as ours:
        return {
            (scenario, worker.entry.who): worker.ask("steps", scenario, PROFILED)
            for scenario in SAME
            for worker in (hand, ours)
        }


def _memory() -> dict[str, list[tuple[int, int]]]:
    ours = Entry(OURS, ALL)
    with Worker(ours) as sender, Worker(ours) as looper:
        sender.tell("memory", "send", MESSAGES)
        looper.tell("memory", "loop", MESSAGES)
        return {"send": sender.answer(), "loop": looper.answer()}


def _throughput(address: str) -> dict[Entry, list[dict[str, float]]]:
    entries = (BASE, Entry(HAND, ALL), Entry(OURS, TRACES), Entry(OURS, ALL), Entry(OFFICIAL, TRACES))
    found: dict[Entry, list[dict[str, float]]] = {entry: [] for entry in entries}
    for _ in range(RUNS):
        for entry in entries:
            with Worker(entry) as worker:
                found[entry].append(worker.ask("throughput", address, f"bench-{uuid.uuid4().hex[:8]}", SENT))
    return found


if __name__ == "__main__":
    raise SystemExit(main())
