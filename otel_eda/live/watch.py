"""`otel-eda watch`."""

import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from otel_eda.diagnosis.commands.options import Judging
from otel_eda.diagnosis.settings import Bounds
from otel_eda.diagnosis.sources import CLICKHOUSE, watched_clickhouse
from otel_eda.interrupts import announced

from . import sources
from .options import Endpoints, FindingFormat, Pace, Places

if TYPE_CHECKING:
    from .evaluator import Evaluator, Polled
    from .output import Output
    from .window import Window

EXAMPLES = (
    "otel-eda watch",
    "otel-eda watch telemetry --duration 10m --format json",
)
TICK = 0.2  # seconds from one look for telemetry to the next
REST = 1  # times as long as an evaluation took that the next one waits


def run(
    *,
    endpoints: Endpoints,
    places: Places,
    pace: Pace,
    judging: Judging,
    bounds: Bounds,
    format_: Annotated[FindingFormat, Option("--format", help="How findings are written.")] = "text",
) -> int:
    """Watch until the end, and return whether anything was found."""
    from otel_eda.otlp.queue import ExportQueue

    from .output import Output

    queue, polled = ExportQueue(), list(_polled(places, pace))
    files = [sources.GrowingFiles(place) for place in places.file or () if not place.startswith(CLICKHOUSE)]
    others = bool(files or polled)
    with (
        announced() as ended,
        sources.receiving(endpoints.otlp, endpoints.otlp_grpc, others, [queue]) as servers,
        _window(pace, amid=bool(servers.endpoints)) as window,
    ):
        evaluator = _evaluator(window, polled, pace, judging, bounds)
        output = Output(sys.stdout, format_, judging.jaeger_url)
        output.begin(_watched(servers.endpoints, places, polled))
        watch([sources.Exporters(queue), *files], window, evaluator, output, ended, pace)
        notes = [
            *servers.notes(),
            *evaluator.notes(),
            *evaluator.limits,
            *(note for grown in files for note in grown.notes()),
        ]
        output.end(evaluator, notes)
    return _status(judging, evaluator)


def watch(  # noqa: PLR0917
    places: Sequence[sources.LiveSource],
    window: "Window",
    evaluator: "Evaluator",
    output: "Output",
    ended: threading.Event,
    pace: Pace,
) -> None:
    """Add what comes to the window and evaluate it from time to time, until the end; then evaluate it once more."""
    end = time.monotonic() + pace.duration if pace.duration else None
    due = time.monotonic() + pace.every
    over = False
    while not over:
        over = ended.wait(TICK) or (end is not None and time.monotonic() >= end)
        for place in places if over else ():
            place.close()
        while window.add(line for place in places for line in place.read()) and over:
            pass
        if over or time.monotonic() >= due:
            began = time.monotonic()
            output.findings(evaluator.evaluate())
            output.heard(evaluator)
            due = max(began + pace.every, time.monotonic() + REST * (time.monotonic() - began))


@contextmanager
def _window(pace: Pace, *, amid: bool) -> Iterator["Window"]:
    """Yield a window, whose files are there for the length of the block."""
    from .window import Window

    with tempfile.TemporaryDirectory(prefix="otel-eda-watch-") as folder:
        yield Window(Path(folder), pace.window, pace.most << 20, time.monotonic, amid=amid)


def _evaluator(
    window: "Window", polled: "Sequence[Polled]", pace: Pace, judging: Judging, bounds: Bounds
) -> "Evaluator":
    """Return what evaluates the telemetry of a window."""
    from .evaluator import Evaluator

    return Evaluator(
        window,
        judging.checks(),
        bounds,
        polled,
        every=pace.every,
        hold=pace.hold,
        evidence=judging.evidence,
    )


def _polled(places: Places, pace: Pace) -> Iterator["Polled"]:
    """Yield the servers that are asked again and again."""
    from otel_eda.diagnosis.sources.jaeger import Jaeger

    from .evaluator import Polled

    if url := places.jaeger:
        ask = partial(Jaeger, url, places.service or [])
        yield Polled(url, ask, pace.window, counts=False)
    for place in places.file or ():
        if place.startswith(CLICKHOUSE):
            name, reader = watched_clickhouse(place)
            yield Polled(name, reader, pace.window, counts=True)


def _watched(endpoints: Sequence[str], places: Places, polled: "Sequence[Polled]") -> list[str]:
    """Return the names of all that is watched."""
    files = (place for place in places.file or () if not place.startswith(CLICKHOUSE))
    return [*(f"OTLP on {endpoint}" for endpoint in endpoints), *files, *(server.name for server in polled)]


def _status(judging: Judging, evaluator: "Evaluator") -> int:
    """Return the exit status; raises `UnusableError` if nothing was found because too little was evaluated."""
    found = judging.status(evaluator.verdicts)
    if not found:
        evaluator.check_complete()
    return found
