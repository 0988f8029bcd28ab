"""`otel-eda top`."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Annotated

from typer import Option

from otel_eda.diagnosis import CLEAN, UnusableError
from otel_eda.diagnosis.commands.options import length
from otel_eda.interrupts import announced

from . import feeds
from .options import Duration, Endpoints

if TYPE_CHECKING:
    from rich.console import Console

    from otel_eda.otlp import Sink

    from .board import Board
    from .points import Prometheus
    from .screen import Screen

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

    from .board import Board
    from .points import Prometheus
    from .screen import Screen

    board, asked = Board(), Prometheus(prometheus) if prometheus else None
    sinks = [taking(board)]
    with (
        announced() as ended,
        feeds.receiving(endpoints.otlp, endpoints.otlp_grpc, bool(asked), sinks) as reception,
    ):
        places = [*(f"OTLP on {endpoint}" for endpoint in reception.endpoints), *filter(None, [prometheus])]
        screen, console = Screen(board, f"{', '.join(places)}; an interrupt (Ctrl-C) ends it"), Console(highlight=False)
        end = time.monotonic() + (duration or math.inf)
        _look(asked, board, screen)
        with drawn(screen, console, whole=True):
            while not ended.wait(min(every, max(end - time.monotonic(), 0))) and time.monotonic() < end:
                _look(asked, board, screen)
                screen.notes += reception.notes()
        console.print(screen)
    return CLEAN


def taking(board: "Board") -> "Sink":
    """Return a sink that has a board know the metrics of what is received."""
    from .points import exported

    return lambda export: board.take(exported(export))


@contextmanager
def drawn(screen: "Screen", console: "Console", *, whole: bool) -> Iterator[None]:
    """Draw again and again, if there is a terminal: on all of it, or below what is there."""
    from rich.live import Live

    live = Live(screen, console=console, refresh_per_second=REFRESH, screen=whole, vertical_overflow="crop")
    with live if console.is_terminal else nullcontext():
        yield


def _look(asked: "Prometheus | None", board: "Board", screen: "Screen") -> None:
    """Ask, if there is anybody to ask; who has never answered is an error."""
    screen.notes = []
    if asked is None:
        return
    try:
        board.take(asked.read())
    except UnusableError as error:
        if not asked.answered:
            raise
        screen.notes = [str(error)]
