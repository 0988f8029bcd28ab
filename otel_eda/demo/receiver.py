"""Where the services' telemetry arrives, and how far it has come."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_eda import semconv
from otel_eda.diagnosis import plural
from otel_eda.otlp import Export, Receiver, Sink
from otel_eda.otlp.http import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.proto.trace.v1.trace_pb2 import Span


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


class SpanCounter:
    """A sink that counts spans, and the messages whose processing is among them."""

    def __init__(self) -> None:
        self.spans = 0
        self._positions: set[tuple[object, ...]] = set()

    @property
    def processed(self) -> int:
        """How many messages have been processed, however often."""
        return len(self._positions)

    def __call__(self, export: Export) -> None:
        """Count the spans of a request."""
        if isinstance(export.request, ExportTraceServiceRequest):
            for resource in export.request.resource_spans:
                for scope in resource.scope_spans:
                    self.spans += len(scope.spans)
                    self._positions.update(filter(None, map(_processed, scope.spans)))


def _processed(span: Span) -> tuple[object, ...] | None:
    """Return destination, partition and offset of the message that a span processes, or None for any other span."""
    values = {pair.key: pair.value for pair in span.attributes}
    operation = values.get(semconv.OPERATION_TYPE)
    if operation is None or operation.string_value != "process":
        return None
    return tuple(str(values.get(name)) for name in (semconv.DESTINATION, semconv.PARTITION, semconv.OFFSET))
