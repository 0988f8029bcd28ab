"""The options of `otel-eda serve` and `otel-eda record`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Option

from otel_eda.diagnosis.commands.times import length
from otel_eda.live.options import Duration, Every, Hold

ADDRESS = "127.0.0.1:8317"
TOKEN = "OTEL_EDA_TOKEN"  # noqa: S105  # a variable's name


@dataclass(frozen=True)
class Bounded:
    """How much is kept."""

    keep_size: Annotated[
        int, Option(min=1, metavar="MB", help="Megabytes that are kept; when there are more, the oldest go.")
    ] = 1024
    keep_age: Annotated[
        float, Option(parser=length, metavar="TIME", show_default="1d", help="How long telemetry is kept.")
    ] = 86400.0


@dataclass(frozen=True)
class Serving:
    """Where the page is, who may see it, and how far back the checks look."""

    address: Annotated[
        str,
        Option(metavar="HOST:PORT", help="Serve the page there; another address than this machine's needs a token."),
    ] = ADDRESS
    token_file: Annotated[
        Path | None, Option(metavar="FILE", help=f"A file with the token; or {TOKEN} in the environment.")
    ] = None
    open: Annotated[bool, Option("--open", help="Open the page in a browser.")] = False
    window: Annotated[
        float, Option(parser=length, metavar="TIME", show_default="10m", help="How far the checks look back.")
    ] = 600.0
    every: Every = 5.0
    hold: Hold = 10.0
    duration: Duration = None
