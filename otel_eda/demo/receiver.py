"""Where the services' telemetry arrives."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_eda.diagnosis import plural
from otel_eda.otlp import Export, Receiver, Sink
from otel_eda.otlp.http import serving

from .telemetry import Span, spans

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def receiver(*sinks: Sink) -> Iterator[str]:
    """Run a receiver on a free loopback port and yield the endpoint for exporters; raises the error of a sink."""
    requests = Receiver(sinks)
    with serving(requests) as endpoint:
        yield endpoint
    if requests.sink_error:
        raise requests.sink_error
    for why, number in requests.refused.items():
        print(f"{plural(number, 'request')} refused: {why}", file=sys.stderr)


class Spans:
    """A sink that remembers every span."""

    def __init__(self) -> None:
        self.all: list[Span] = []

    def __call__(self, export: Export) -> None:
        """Remember the spans of a request."""
        if isinstance(export.request, ExportTraceServiceRequest):
            self.all.extend(spans(export.request))
