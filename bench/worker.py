"""One contender with one configuration in a process of its own, as it would be in production.

`python -m bench.worker CONTENDER CONFIGURATION` reads one command a line and answers each by a line of JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from . import memory, signals, steps, throughput
from .contenders import Entry, configure, instrument, scenarios
from .stage import Consumer, Producer, cost, same

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from typing_extensions import Self


class Worker:
    """The parent's end of such a process."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        command = [sys.executable, "-m", "bench.worker", entry.who, entry.config]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, *command: object) -> Any:
        """Give the answer to a command."""
        self.tell(*command)
        return self.answer()

    def tell(self, *command: object) -> None:
        """Give a command whose answer is wanted later."""
        assert self.process.stdin
        print(*command, file=self.process.stdin, flush=True)

    def answer(self) -> Any:
        """Wait for the answer."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.entry} ended without an answer")
        return json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.process.communicate()


def staged(entry: Entry) -> Mapping[str, Callable[[int], None]]:
    """Set up a contender on the stage without a network."""
    configure(entry.config)
    instrument(entry.who)
    return scenarios(entry, Producer(), Consumer(same()), Consumer(same()))


def main(entry: Entry) -> None:
    """Do as told."""
    actions: Mapping[str, Callable[[int], None]] = {}
    for line in sys.stdin:
        command, *arguments = line.split()
        if command in {"cost", "steps"} and not actions:
            actions = staged(entry)
        print(json.dumps(_answer(entry, actions, command, arguments)), flush=True)


def _answer(entry: Entry, actions: Mapping[str, Callable[[int], None]], command: str, arguments: list[str]) -> object:
    if command == "cost":
        return cost(actions[arguments[0]], int(arguments[1]))
    if command == "steps":
        return steps.profiled(actions[arguments[0]], int(arguments[1]))
    if command == "memory":
        return memory.watched(entry, arguments[0], int(arguments[1]))
    if command == "signals":
        return signals.emitted(entry)
    return throughput.measured(entry, arguments[0], arguments[1], int(arguments[2]))


if __name__ == "__main__":
    main(Entry(*sys.argv[1:]))
