"""`otel-eda top`."""

import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Annotated

from typer import Option

from otel_eda.diagnosis import CLEAN, UnusableError
from otel_eda.diagnosis.commands.times import length
from otel_eda.interrupts import announced

from . import sources
from .options import Duration, Endpoints

if TYPE_CHECKING:
    from rich.console import Console

    from otel_eda.otlp import Sink

    from .aggregates import Aggregates
    from .points import Prometheus
    from .screen import AggregatesScreen

EXAMPLES = (
    "otel-eda top",
    "otel-eda top --prometheus http://localhost:9090",
)
REFRESH = 4  # times a second


def run(
    endpoints: Endpoints,
    prometheus: Annotated[
        str | None, Option(metavar="URL", help="Ask a Prometheus that has the Collector's metrics.")
    ] = None,
    every: Annotated[
        float, Option(parser=length, metavar="TIME", show_default="2s", help="How often to ask the Prometheus.")
    ] = 2.0,
    duration: Duration = None,
) -> int:
    """Show until interrupted; what was shown last stays on the screen."""
    from rich.console import Console

    from .aggregates import Aggregates
    from .keys import Keys
    from .points import Prometheus
    from .screen import AggregatesScreen

    aggregates, asked = Aggregates(), Prometheus(prometheus) if prometheus else None
    sinks = [taking(aggregates)]
    with (
        announced() as ended,
        sources.receiving(endpoints.otlp, endpoints.otlp_grpc, bool(asked), sinks) as servers,
    ):
        places = [*(f"OTLP on {endpoint}" for endpoint in servers.endpoints), *filter(None, [prometheus])]
        keys = Keys(ended) if sys.stdin.isatty() else None
        screen = AggregatesScreen(aggregates, f"{', '.join(places)}; an interrupt (Ctrl-C) ends it", keys)
        console = Console(highlight=False)
        end = time.monotonic() + (duration or math.inf)
        _look(asked, aggregates, screen)
        with drawn(screen, console, whole=True), keys.read() if keys else nullcontext():
            while not ended.wait(min(every, max(end - time.monotonic(), 0))) and time.monotonic() < end:
                _look(asked, aggregates, screen)
                screen.notes += servers.notes()
        console.print(screen)
    return CLEAN


def taking(aggregates: "Aggregates") -> "Sink":
    """Return a sink that adds the metrics of requests to the aggregates."""
    from .points import exported

    return lambda export: aggregates.take(exported(export))


@contextmanager
def drawn(screen: "AggregatesScreen", console: "Console", *, whole: bool) -> Iterator[None]:
    """Draw again and again, if there is a terminal: on all of it, or below what is there."""
    from rich.live import Live

    live = Live(screen, console=console, refresh_per_second=REFRESH, screen=whole, vertical_overflow="crop")
    with live if console.is_terminal else nullcontext():
        yield


def _look(asked: "Prometheus | None", aggregates: "Aggregates", screen: "AggregatesScreen") -> None:
    """Ask, if there is anybody to ask; who has never answered is an error."""
    screen.notes = []
    if asked is None:
        return
    try:
        aggregates.take(asked.read())
    except UnusableError as error:
        if not asked.answered:
            raise
        screen.notes = [str(error)]
