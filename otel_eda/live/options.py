"""The options of `otel-eda watch`, some of which `otel-eda top` has, too."""

from dataclasses import dataclass
from typing import Annotated, Literal

from typer import Argument, Option

from otel_eda.diagnosis.commands.times import length

from .sources import GRPC, HTTP

FindingFormat = Literal["text", "json"]
Duration = Annotated[
    float | None, Option(parser=length, metavar="TIME", help="End after that time; without it, on an interrupt.")
]
Every = Annotated[float, Option(parser=length, metavar="TIME", show_default="5s", help="How often to run the checks.")]
Hold = Annotated[
    float, Option(parser=length, metavar="TIME", show_default="10s", help="How long telemetry may take to arrive.")
]


@dataclass(frozen=True)
class Endpoints:
    """Where OTLP is received, from whoever exports to there."""

    otlp: Annotated[
        str | None,
        Option(metavar="HOST:PORT", help=f"Receive OTLP over HTTP there; {HTTP} if there is no other source."),
    ] = None
    otlp_grpc: Annotated[
        str | None,
        Option(metavar="HOST:PORT", help=f"Receive OTLP over gRPC there; {GRPC} if there is no other source."),
    ] = None


@dataclass(frozen=True)
class Places:
    """What else is watched: files, a ClickHouse, a Jaeger."""

    file: Annotated[
        list[str] | None,
        Argument(
            metavar="FILE",
            show_default=False,
            help="A file, a pattern or a folder of OTLP (JSON lines or protobuf) that is appended to; or "
            "clickhouse://USER@HOST/DATABASE, which is asked again and again.",
        ),
    ] = None
    jaeger: Annotated[str | None, Option(metavar="URL", help="Ask this Jaeger's query endpoint again and again.")] = (
        None
    )
    service: Annotated[
        list[str] | None,
        Option("--service", metavar="NAME", help="Jaeger: only the traces of this service; may be repeated."),
    ] = None


@dataclass(frozen=True)
class Pace:
    """How far to look back, how often, and for how long; times in seconds."""

    window: Annotated[
        float, Option(parser=length, metavar="TIME", show_default="10m", help="How far to look back.")
    ] = 600.0
    most: Annotated[
        int, Option(min=1, metavar="MB", help="Megabytes of telemetry in the window; when there is more, older goes.")
    ] = 128
    every: Every = 5.0
    hold: Hold = 10.0
    duration: Duration = None
