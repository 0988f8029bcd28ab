"""Exports over gRPC, forks, and exports in both processes: `grpc_forks.py ENDPOINT`."""

from __future__ import annotations

import os
import sys

from blinker import Namespace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from talk import say

import otel_eda

placed = Namespace().signal("order.placed")
orders: list[str] = []


def keep(who: str) -> None:
    orders.append(who)


def main(endpoint: str) -> None:
    exporter, provider = OTLPSpanExporter(endpoint, insecure=True), TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    channel = exporter._channel
    otel_eda.enable(tracer_provider=provider)
    placed.connect(keep)

    def dispatch(who: str) -> None:
        placed.send(who)
        provider.force_flush()
        say(f"{who}: {exporter._channel is channel}")

    dispatch("before")
    child = os.fork()
    if child == 0:
        dispatch("child")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    dispatch("after")
    say(f"child ends with {status}")


if __name__ == "__main__":
    main(sys.argv[1])
