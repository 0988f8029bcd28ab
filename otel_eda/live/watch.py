"""`otel-eda watch`."""

import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from otel_eda.diagnosis.commands.options import JaegerServices, Judging, length
from otel_eda.diagnosis.settings import Settings
from otel_eda.interrupts import announced

from . import feeds
from .options import Duration, Endpoints, FindingFormat

if TYPE_CHECKING:
    from .judge import Judge
    from .say import Say

EXAMPLES = (
    "otel-eda watch",
    "otel-eda watch telemetry --duration 10m --format json",
)
TICK = 0.2  # seconds from one look for telemetry to the next
REST = 1  # times as long as it has judged it does not


def run(
    *,
    endpoints: Endpoints,
    judging: Judging,
    bounds: Settings,
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
    service: JaegerServices = None,
    window: Annotated[
        float, Option(parser=length, metavar="TIME", show_default="10m", help="How far to look back.")
    ] = 600.0,
    most: Annotated[
        int, Option(min=1, metavar="MB", help="Megabytes of telemetry in the window; when there is more, older goes.")
    ] = 128,
    every: Annotated[float, Option(parser=length, metavar="TIME", show_default="5s", help="How often to judge.")] = 5.0,
    hold: Annotated[
        float,
        Option(parser=length, metavar="TIME", show_default="10s", help="How long telemetry may take to arrive."),
    ] = 10.0,
    duration: Duration = None,
    format_: Annotated[FindingFormat, Option("--format", help="How findings are written.")] = "text",
) -> int:
    """Watch until the end, and return whether anything was found."""
    from otel_eda.otlp.inbox import Inbox

    from .judge import Asked, Judge
    from .say import Say
    from .window import Window

    inbox, places = Inbox(), file or []
    others = [feeds.Growing(place) for place in places]
    asked = Asked(jaeger, service or [], window) if jaeger else None
    with (
        announced() as ended,
        tempfile.TemporaryDirectory(prefix="otel-eda-watch-") as folder,
        feeds.receiving(endpoints.otlp, endpoints.otlp_grpc, bool(others or asked), [inbox]) as reception,
    ):
        amid = bool(reception.endpoints)
        kept = Window(Path(folder), window, most << 20, time.monotonic, amid=amid)
        judge = Judge(kept, judging.checks(), bounds, asked, every=every, hold=hold, evidence=judging.evidence)
        say = Say(sys.stdout, format_, judging.jaeger_url)
        say.begin([*(f"OTLP on {endpoint}" for endpoint in reception.endpoints), *places, *filter(None, [jaeger])])
        watch([feeds.Received(inbox), *others], judge, say, ended, every=every, duration=duration)
        say.end(judge, [*reception.notes(), *judge.notes(), *(note for other in others for note in other.notes())])
    found = judging.status(judge.verdicts)
    if not found:
        judge.vouch()
    return found


def watch(
    sources: list[feeds.Feed],
    judge: "Judge",
    say: "Say",
    ended: threading.Event,
    *,
    every: float,
    duration: float | None,
) -> None:
    """Take in, and judge from time to time, until the end; what has come by then is judged, too."""
    end = time.monotonic() + duration if duration else None
    due = time.monotonic() + every
    while True:
        over = ended.wait(TICK) or (end is not None and time.monotonic() >= end)
        while judge.window.add(line for source in sources for line in source.read()) and over:
            pass
        if over or time.monotonic() >= due:
            began = time.monotonic()
            say.findings(judge.judge())
            due = max(began + every, time.monotonic() + REST * (time.monotonic() - began))
        if over:
            return
