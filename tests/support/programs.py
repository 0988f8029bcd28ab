"""Programs that know nothing of telemetry: run as they are, or under OpenTelemetry's launcher."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from brokers import spans

from otel_eda.demo.receiver import receiver
from otel_eda.otlp.json_lines import line
from support.waiting import until

if TYPE_CHECKING:
    import signal
    from collections.abc import Iterator, Mapping

    from brokers.spans import Span

    from otel_eda.otlp import Export

LAUNCHER = "opentelemetry-instrument"
MAIN = "import sys; from otel_eda.cli import main; sys.exit(main())"  # the command `otel-eda`
PATIENCE = 90.0  # seconds for whatever a program is to do next
FOREIGN = ("OTEL_", "PYTHON", "PYTEST_", "COV_")  # of the environment: they are not meant for what is tested
Environ: TypeAlias = "Mapping[str, str]"

HOST = "host.name=here,ip=127.0.0.1"  # else Jaeger takes every service for a host of its own, with a clock of its own
# Everything by OTLP/HTTP, soon.
EXPORT = {
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    "OTEL_TRACES_EXPORTER": "otlp_proto_http",
    "OTEL_METRICS_EXPORTER": "otlp_proto_http",
    "OTEL_LOGS_EXPORTER": "none",
    "OTEL_BSP_SCHEDULE_DELAY": "100",
    "OTEL_METRIC_EXPORT_INTERVAL": "1000",
    "OTEL_RESOURCE_ATTRIBUTES": HOST,
}


@dataclass(frozen=True)
class Outcome:
    """How a program ended and what it wrote; the status of one that a signal ended is negative."""

    status: int
    output: str
    errors: str


@dataclass(frozen=True)
class Way:
    """How programs are started: a command before the interpreter's, and what the environment is to have more."""

    before: tuple[str, ...] = ()
    environ: Environ | None = None

    def command(self, *arguments: str) -> list[str]:
        """Give the command of the interpreter with these arguments."""
        return [*self.before, sys.executable, *arguments]

    def surroundings(self) -> dict[str, str]:
        """Give the environment."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        return {**kept, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", **(self.environ or {})}


BARE = Way()


def exporting(endpoint: str, service: str = "test", **environ: str) -> Way:
    """Export to that endpoint, whoever configures the SDK."""
    return Way((), {**EXPORT, "OTEL_SERVICE_NAME": service, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, **environ})


def launched(endpoint: str, service: str = "test", **environ: str) -> Way:
    """Start by OpenTelemetry's launcher, if possible the one beside this Python, exporting to that endpoint."""
    launcher = shutil.which(LAUNCHER, path=str(Path(sys.executable).parent)) or LAUNCHER
    return Way((launcher, "--service_name", service), exporting(endpoint, service, **environ).environ)


class Program:
    """A running program."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process = process
        self.folder = folder

    @property
    def output(self) -> str:
        """What it wrote so far to its standard output."""
        return (self.folder / "out").read_text(errors="replace")

    @property
    def errors(self) -> str:
        """What it wrote so far to its standard error."""
        return (self.folder / "err").read_text(errors="replace")

    def wait_for(self, line: str) -> None:
        """Wait until it has written that line."""
        until(lambda: line in self.output.splitlines() or self._ended(line), f"{line!r}", PATIENCE)

    def _ended(self, line: str) -> bool:
        if self.process.poll() is not None and line not in self.output.splitlines():
            raise AssertionError(
                f"it ended with {self.process.returncode} before {line!r}:\n{self.output}{self.errors}"
            )
        return False

    def go_on(self) -> None:
        """Let it go on, if it waits for a line."""
        assert self.process.stdin is not None
        try:
            os.write(self.process.stdin.fileno(), b"\n")  # nothing that a close would try to write once more
        except BrokenPipeError:
            raise AssertionError(f"it ended before it was to go on:\n{self.output}{self.errors}") from None

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def finish(self, patience: float = PATIENCE) -> Outcome:
        """Wait for its end."""
        try:
            status = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end in {patience:g} s:\n{self.output}{self.errors}") from None
        return Outcome(status, self.output, self.errors)


@contextmanager
def running(way: Way, *arguments: object) -> Iterator[Program]:
    """Have the interpreter run with these arguments for the length of the block."""
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/out", "wb") as out, open(f"{folder}/err", "wb") as err:
            process = subprocess.Popen(
                way.command(*map(str, arguments)),
                env=way.surroundings(),
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=err,
                text=True,
            )
        with process:
            try:
                yield Program(process, Path(folder))
            finally:
                process.kill()


def run(way: Way, *arguments: object, patience: float = PATIENCE) -> Outcome:
    """Run the interpreter with these arguments to its end."""
    with running(way, *arguments) as program:
        return program.finish(patience)


class Received:
    """A sink that keeps the spans that arrive."""

    def __init__(self) -> None:
        self.all: list[Span] = []

    def __call__(self, export: Export) -> None:
        """Keep the spans of a request."""
        if export.signal == "traces":
            self.all += spans.read(json.loads(line(export.request)))

    def ours(self) -> list[Span]:
        """Give the spans that we made, by their start."""
        return sorted((span for span in self.all if span.scope.startswith("otel_eda")), key=lambda span: span.start)

    def of(self, operation: str) -> list[Span]:
        """Give the spans of an operation's type, by their start."""
        return [span for span in self.ours() if span.operation == operation]

    def twice(self) -> list[str]:
        """Name the spans that came more than once."""
        counted = Counter((span.name, span.span_id) for span in self.all)
        return [name for (name, _), count in counted.items() if count > 1]


@contextmanager
def receiving() -> Iterator[tuple[str, Received]]:
    """Have an OTLP/HTTP receiver; gives its endpoint and what it receives."""
    received = Received()
    with receiver(received) as endpoint:
        yield endpoint, received
