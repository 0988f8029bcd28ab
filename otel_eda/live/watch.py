"""`otel-eda watch`."""

from __future__ import annotations

import signal
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otel_eda.diagnosis.commands import amount, complain, guarded, length
from otel_eda.diagnosis.commands.diagnose import judging, status

from . import sources

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from .evaluator import Evaluator
    from .output import Output

TICK = 0.2
REST = 1  # times as long as it has judged it does not


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "file", nargs="*", metavar="FILE", help="file, pattern or folder of OTLP JSON lines that are appended to"
    )
    sources.declare(parser)
    parser.add_argument("--jaeger", metavar="URL", help="ask a Jaeger's query endpoint again and again")
    parser.add_argument("--service", action="append", default=[], metavar="NAME", help="Jaeger: only this one; repeat")
    parser.add_argument("--window", type=length, default="10m", metavar="TIME", help="how far to look back (10m)")
    parser.add_argument(
        "--most", type=amount, default=128, metavar="MB", help="telemetry in the window, at most; older goes (128)"
    )
    parser.add_argument("--every", type=length, default="5s", metavar="TIME", help="how often to judge (5s)")
    parser.add_argument(
        "--hold", type=length, default="10s", metavar="TIME", help="how long telemetry may take to arrive (10s)"
    )
    parser.add_argument("--duration", type=length, metavar="TIME", help="end after that time (on an interrupt)")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="(text)")
    judging(parser)


@guarded
def run(options: argparse.Namespace) -> int:
    """Watch until interrupted."""
    from otel_eda.otlp.queue import ExportQueue

    from .evaluator import Evaluator
    from .output import Output
    from .window import Window

    queue = ExportQueue()
    others = [sources.GrowingFiles(place) for place in options.file]
    with (
        interruptible() as ended,
        tempfile.TemporaryDirectory(prefix="otel-eda-watch-") as folder,
        sources.receiving(options, bool(others or options.jaeger), [queue]) as servers,
    ):
        amid = bool(servers.endpoints)
        window = Window(Path(folder), options.window, options.most << 20, time.monotonic, amid=amid)
        evaluator = Evaluator(window, options)
        output = Output(sys.stdout, options)
        output.begin(servers.endpoints, options)
        watch([sources.Exporters(queue), *others], evaluator, output, ended)
        output.end(
            evaluator, [*servers.notes(), *evaluator.notes(), *(note for other in others for note in other.notes())]
        )
    found = status(evaluator.verdicts, options.fail_on)
    if not found:
        evaluator.check_complete()
    return found


def watch(places: list[sources.LiveSource], evaluator: Evaluator, output: Output, ended: threading.Event) -> None:
    """Take in, and judge from time to time, until the end; what has come by then is judged, too."""
    options = evaluator.options
    end = time.monotonic() + options.duration if options.duration else None
    due = time.monotonic() + options.every
    while True:
        over = ended.wait(TICK) or (end is not None and time.monotonic() >= end)
        while evaluator.window.add(line for place in places for line in place.read()) and over:
            pass
        if over or time.monotonic() >= due:
            began = time.monotonic()
            output.findings(evaluator.evaluate())
            due = max(began + options.every, time.monotonic() + REST * (time.monotonic() - began))
        if over:
            return


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Give what is set by an interrupt or a termination; a second one ends at once."""
    ended = threading.Event()
    before: dict[int, Any] = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def end(number: int, _: object) -> None:
        ended.set()
        signal.signal(number, before[number])

    for number in before:
        signal.signal(number, end)
    try:
        yield ended
    except KeyboardInterrupt:
        complain("stopped")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
