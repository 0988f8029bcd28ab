"""`python -m bench.clients [LIBRARY …]`: what instrumentation adds to a message, with every client library."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import uuid
from contextlib import ExitStack, contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bench.arguments import positive
from bench.contenders import ALL, BARE, HAND, NOTHING, OFFICIAL, OURS, TRACES, Entry
from bench.report import NAMES, console, titled
from bench.rounds import Estimate
from bench.throughput import broker as kafka

from . import asked
from .sink import sink
from .worker import DATADOG

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from . import Library

    Round = Mapping[Entry, list[float]]

BASE = Entry(BARE, NOTHING)
WAYS = ("send", "receive")
WARM = 500


class Worker:
    """A contender in a process of its own."""

    def __init__(self, entry: Entry, library: Library, address: str, agent_url: str) -> None:
        self.entry = entry
        destination = f"bench-{uuid.uuid4().hex[:8]}"
        command = [sys.executable, "-m", "bench.clients.worker", entry.who, entry.config]
        environ = os.environ | {"DD_TRACE_AGENT_URL": agent_url, "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false"}
        self.process = subprocess.Popen(
            [*command, library.name, address, destination],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environ,
        )

    def cost(self, count: int) -> list[float]:
        """Give the microseconds of a message sent and of one received."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(count, file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.entry} ended without an answer")
        found: list[float] = json.loads(line)
        return found

    def close(self) -> None:
        """Have the process end."""
        self.process.communicate()


def entries(library: Library) -> Iterator[Entry]:
    """Give who is measured with a library: peers only where they are installed."""
    yield from (BASE, Entry(OURS, NOTHING))
    yield from (Entry(who, config) for config in (TRACES, ALL) for who in (HAND, OURS))
    if library.official and _installed(library.official.partition(":")[0]):
        yield Entry(OFFICIAL, TRACES)
    if library.datadog and _installed("ddtrace"):
        yield Entry(DATADOG, NOTHING)


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@contextmanager
def addresses(libraries: Sequence[Library]) -> Iterator[Mapping[str, str]]:
    """Run the brokers that the libraries need."""
    needed = {library.broker for library in libraries}
    with ExitStack() as stack:
        found = {"none": ""}
        if "kafka" in needed:
            found["kafka"] = stack.enter_context(kafka())[0]
        if "rabbitmq" in needed:
            found["rabbitmq"] = stack.enter_context(_rabbitmq())
        yield found


@contextmanager
def _rabbitmq() -> Iterator[str]:
    rabbitmq, service = (import_module(f"tests.brokers.{name}") for name in ("rabbitmq", "service"))
    if external := rabbitmq.external():
        yield external.address
        return
    with tempfile.TemporaryDirectory() as folder, service.private(rabbitmq.RabbitMQServer, Path(folder)) as server:
        yield server.address


def measure(library: Library, address: str, rounds: int, messages: int, agent_url: str) -> list[Round]:
    """Give every round's costs, all contenders taking turns."""
    with ExitStack() as stack:
        workers = [Worker(entry, library, address, agent_url) for entry in entries(library)]
        for worker in workers:
            stack.callback(worker.close)
            worker.cost(WARM)
        made: list[Round] = []
        for number in range(rounds):
            start = number % len(workers)
            made.append({worker.entry: worker.cost(messages) for worker in workers[start:] + workers[:start]})
    return made


def rows(library: Library, rounds: Sequence[Round]) -> Iterator[tuple[str, ...]]:
    """Give the table's rows of one library."""
    for place, way in enumerate(WAYS):
        for entry in rounds[0]:
            if entry == BASE:
                continue
            spent = Estimate.of([each[entry][place] - each[BASE][place] for each in rounds])
            bare = f"{median(each[BASE][place] for each in rounds):.1f}"
            name = "its own traces" if entry.who == DATADOG else NAMES[entry.config]
            yield library.name, way, bare, entry.who, name, f"{spent.middle:.1f}", *_ratios(rounds, entry, place)


def _ratios(rounds: Sequence[Round], entry: Entry, place: int) -> tuple[str, str]:
    if entry.who != OURS or entry.config == NOTHING:
        return "", ""
    against = [Entry(HAND, entry.config), Entry(OFFICIAL, TRACES)]
    cells = ["", ""]
    for column, other in enumerate(against):
        if other in rounds[0]:
            found = Estimate.of(
                [
                    (each[entry][place] - each[BASE][place]) / max(each[other][place] - each[BASE][place], 0.01)
                    for each in rounds
                ]
            )
            cells[column] = f"{found.middle:.2f} ({found.low:.2f}-{found.high:.2f})"
    return cells[0], cells[1]


def main() -> int:
    """Run, and print the table."""
    parser = asked(__doc__, "bench.clients")
    parser.add_argument("--rounds", type=positive, default=15)
    parser.add_argument("--messages", type=positive, default=300)
    options = parser.parse_args()
    made = titled("What is added to each message through a real broker, in µs of processor time (median of the rounds)")
    for heading in ("library", "", "bare", "contender", "configuration", "adds", "of by hand", "of official, traces"):
        made.add_column(heading, justify="right" if heading in {"bare", "adds"} else "left")
    with addresses(options.libraries) as found, sink() as url, console.status("measuring") as status:
        for library in options.libraries:
            status.update(f"measuring {library.name}")
            for row in rows(library, measure(library, found[library.broker], options.rounds, options.messages, url)):
                made.add_row(*row)
            made.add_section()
    console.print(made)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
