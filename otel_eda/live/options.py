"""The options that `otel-eda watch` and `otel-eda top` share."""

from dataclasses import dataclass
from typing import Annotated, Literal

from typer import Option

from otel_eda.diagnosis.commands.times import length

from .sources import GRPC, HTTP


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


FindingFormat = Literal["text", "json"]
Duration = Annotated[
    float | None, Option(parser=length, metavar="TIME", help="End after that time; without it, on an interrupt.")
]
