"""The options of `otel-eda demo`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Option


@dataclass(frozen=True)
class Options:
    """How the demo is to run; with the same seed and as many orders it is the same day."""

    orders: Annotated[int, Option(min=1, metavar="N", help="How many orders are placed.")] = 200
    endpoint: Annotated[
        str | None, Option(metavar="URL", help="An OTLP endpoint that the telemetry is sent to as well.")
    ] = None
    keep: Annotated[Path | None, Option(metavar="DIR", help="The folder for the telemetry, as OTLP JSON lines.")] = None
    report: Annotated[
        Path | None, Option(metavar="FILE", help="The report for a browser; without it, beside the telemetry.")
    ] = None
    no_open: Annotated[bool, Option("--no-open", help="Do not open the report in a browser.")] = False
    top: Annotated[bool, Option("--top", help="Show meanwhile how destinations and consumer groups do.")] = False
    serve: Annotated[
        bool, Option("--serve", help="Go on until an interrupt, and show it on a page: see otel-eda serve.")
    ] = False
    seed: Annotated[int, Option(metavar="N", help="Another seed makes another day.")] = 1
