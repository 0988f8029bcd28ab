"""`otel-eda watch`."""

import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from otel_eda.diagnosis.commands.options import Judging
from otel_eda.diagnosis.commands.times import length
from otel_eda.diagnosis.settings import Bounds
from otel_eda.interrupts import announced

from . import sources
from .options import Duration, Endpoints, FindingFormat

if TYPE_CHECKING:
    from .evaluator import Evaluator
    from .output import Output

EXAMPLES = (
    "otel-eda watch",
    "otel-eda watch telemetry --duration 10m --format json",
)
TICK = 0.2  # seconds from one look for telemetry to the next
REST = 1  # times as long as an evaluation took that the next one waits


def run(
    *,
    endpoints: Endpoints,
    judging: Judging,
    bounds: Bounds,
    file: Annotated[
        list[str] | None,
        Argument(
            metavar="FILE",
            show_default=False,
            help="A file, a pattern or a folder of OTLP JSON lines that are appended to.",
        ),
    ] = None,
    jaeger: Annotated[
        str | None, Option(metavar="URL", help="Ask this Jaeger's query endpoint again and again.")
    ] = None,
    service: Annotated[
        list[str] | None,
        Option("--service", metavar="NAME", help="Jaeger: only the traces of this service; may be repeated."),
    ] = None,
    window: Annotated[
        float, Option(parser=length, metavar="TIME", show_default="10m", help="How far to look back.")
    ] = 600.0,
    most: Annotated[
        int, Option(min=1, metavar="MB", help="Megabytes of telemetry in the window; when there is more, older goes.")
    ] = 128,
    every: Annotated[
        float, Option(parser=length, metavar="TIME", show_default="5s", help="How often to run the checks.")
    ] = 5.0,
    hold: Annotated[
        float,
        Option(parser=length, metavar="TIME", show_default="10s", help="How long telemetry may take to arrive."),
    ] = 10.0,
    duration: Duration = None,
    format_: Annotated[FindingFormat, Option("--format", help="How findings are written.")] = "text",
) -> int:
    """Watch until the end, and return whether anything was found."""
    from otel_eda.otlp.queue import ExportQueue

    from .evaluator import Evaluator, PolledJaeger
    from .output import Output
    from .window import Window

    queue, places = ExportQueue(), file or []
    files = [sources.GrowingFiles(place) for place in places]
    polled = PolledJaeger(jaeger, service or [], window) if jaeger else None
    with (
        announced() as ended,
        tempfile.TemporaryDirectory(prefix="otel-eda-watch-") as folder,
        sources.receiving(endpoints.otlp, endpoints.otlp_grpc, bool(files or polled), [queue]) as servers,
    ):
        amid = bool(servers.endpoints)
        kept = Window(Path(folder), window, most << 20, time.monotonic, amid=amid)
        evaluator = Evaluator(kept, judging.checks(), bounds, polled, every=every, hold=hold, evidence=judging.evidence)
        output = Output(sys.stdout, format_, judging.jaeger_url)
        output.begin([*(f"OTLP on {endpoint}" for endpoint in servers.endpoints), *places, *filter(None, [jaeger])])
        watch([sources.Exporters(queue), *files], evaluator, output, ended, every=every, duration=duration)
        notes = [*servers.notes(), *evaluator.notes(), *(note for grown in files for note in grown.notes())]
        output.end(evaluator, notes)
    found = judging.status(evaluator.verdicts)
    if not found:
        evaluator.check_complete()
    return found


def watch(
    places: list[sources.LiveSource],
    evaluator: "Evaluator",
    output: "Output",
    ended: threading.Event,
    *,
    every: float,
    duration: float | None,
) -> None:
    """Add what comes to the window and evaluate it from time to time, until the end; then evaluate it once more."""
    end = time.monotonic() + duration if duration else None
    due = time.monotonic() + every
    while True:
        over = ended.wait(TICK) or (end is not None and time.monotonic() >= end)
        while evaluator.window.add(line for place in places for line in place.read()) and over:
            pass
        if over or time.monotonic() >= due:
            began = time.monotonic()
            output.findings(evaluator.evaluate())
            output.heard(evaluator)
            due = max(began + every, time.monotonic() + REST * (time.monotonic() - began))
        if over:
            return
