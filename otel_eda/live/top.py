"""`otel-eda top`."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from otel_eda.diagnosis import UnusableError
from otel_eda.diagnosis.commands import CLEAN, guarded, length

from . import sources
from .watch import interruptible

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from rich.console import Console

    from otel_eda.otlp import Sink

    from .aggregates import Aggregates
    from .points import Prometheus
    from .screen import AggregatesScreen

REFRESH = 4  # times a second


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    sources.declare(parser)
    parser.add_argument("--prometheus", metavar="URL", help="ask a Prometheus that has the Collector's metrics")
    parser.add_argument("--every", type=length, default="2s", metavar="TIME", help="how often to ask it (2s)")
    parser.add_argument("--duration", type=length, metavar="TIME", help="end after that time (on an interrupt)")


@guarded
def run(options: argparse.Namespace) -> int:
    """Show until interrupted; what was shown last stays on the screen."""
    from rich.console import Console

    from .aggregates import Aggregates
    from .points import Prometheus
    from .screen import AggregatesScreen

    aggregates, asked = Aggregates(), Prometheus(options.prometheus) if options.prometheus else None
    with interruptible() as ended, sources.receiving(options, bool(asked), [taking(aggregates)]) as servers:
        places = [*(f"OTLP on {endpoint}" for endpoint in servers.endpoints), *filter(None, [options.prometheus])]
        screen, console = (
            AggregatesScreen(aggregates, f"{', '.join(places)}; an interrupt (Ctrl-C) ends it"),
            Console(highlight=False),
        )
        end = time.monotonic() + (options.duration or math.inf)
        _look(asked, aggregates, screen)
        with drawn(screen, console, whole=True):
            while not ended.wait(min(options.every, max(end - time.monotonic(), 0))) and time.monotonic() < end:
                _look(asked, aggregates, screen)
                screen.notes += servers.notes()
        console.print(screen)
    return CLEAN


def taking(aggregates: Aggregates) -> Sink:
    """Give a sink that has a aggregates know the metrics of what is received."""
    from .points import exported

    return lambda export: aggregates.take(exported(export))


@contextmanager
def drawn(screen: AggregatesScreen, console: Console, *, whole: bool) -> Iterator[None]:
    """Draw again and again, if there is a terminal: on all of it, or below what is there."""
    from rich.live import Live

    live = Live(screen, console=console, refresh_per_second=REFRESH, screen=whole, vertical_overflow="crop")
    with live if console.is_terminal else nullcontext():
        yield


def _look(asked: Prometheus | None, aggregates: Aggregates, screen: AggregatesScreen) -> None:
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
