"""`python -m bench.light_spans`: what a light span costs beside one of the SDK, from its start to its bytes in OTLP.

Both are made in turns in one process. Each line gives the median of the rounds, in µs of processor time a span.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans as official
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags

from otel_eda.core.telemetry.encoding import encode_to_bytes
from otel_eda.core.telemetry.light import lightened

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Tracer
    from opentelemetry.util.types import AnyValue

TEXTS: dict[str, AnyValue] = {f"messaging.kafka.{number}": "a value of a span" for number in range(8)}
ATTRIBUTES: dict[str, AnyValue] = {**TEXTS, "partition": "1", "offset": 99}
BATCH = 512  # as the SDK exports them


class Kept(SpanProcessor):
    """Keeps what has ended."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        """Keep a span."""
        self.spans.append(span)


def started_to_ended(tracer: Tracer) -> float:
    """Return the processor time of a span in microseconds, without its export."""
    links = [Link(SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1)))]
    begin = time.process_time()
    for _ in range(BATCH):
        tracer.start_span("process orders", None, SpanKind.CONSUMER, ATTRIBUTES, links).end()
    return (time.process_time() - begin) / BATCH * 1e6


def encoded(spans: list[ReadableSpan], *, light: bool) -> float:
    """Return the processor time of a span in microseconds until it is bytes."""
    begin = time.process_time()
    request: Any = encode_to_bytes(spans, official) if light else official(spans)
    request.SerializePartialToString()
    return (time.process_time() - begin) / len(spans) * 1e6


def measured(rounds: int) -> dict[str, tuple[float, float]]:
    """Return for each step what a span of the SDK costs and what a light one does."""
    provider, kept = TracerProvider(resource=Resource({"service.name": "bench"}), shutdown_on_exit=False), Kept()
    provider.add_span_processor(kept)
    sdk = provider.get_tracer("bench")
    tracers = sdk, lightened(provider, sdk)
    costs: dict[str, tuple[list[float], list[float]]] = {"start to end": ([], []), "encode": ([], [])}
    for _ in range(rounds + 1):
        for light, tracer in enumerate(tracers):
            kept.spans.clear()
            costs["start to end"][light].append(started_to_ended(tracer))
            costs["encode"][light].append(encoded(kept.spans, light=bool(light)))
    # The first round makes what later ones keep.
    return {
        step: (statistics.median(theirs[1:]), statistics.median(ours[1:])) for step, (theirs, ours) in costs.items()
    }


def main(rounds: int) -> None:
    """Print a table."""
    print("| step | SDK, µs | light, µs | ratio |", "| --- | --: | --: | --: |", sep="\n")
    for step, (theirs, ours) in measured(rounds).items():
        print(f"| {step} | {theirs:.1f} | {ours:.1f} | {ours / theirs:.2f} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 50)
