"""A plugin for pytest that has everything instrumented while another project's tests run: `-p plugin`."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from pathlib import Path

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider

import otel_eda


class Count(SpanProcessor):
    """Counts the spans that ended, by the operation's type, or what the span's name says of it."""

    def __init__(self) -> None:
        self.ended: Counter[str] = Counter()

    def on_end(self, span: ReadableSpan) -> None:
        self.ended[str((span.attributes or {}).get("messaging.operation.type", span.name.partition(" ")[0]))] += 1


class Said(logging.Handler):
    """Keeps what we warn of: it may be a step of ours that failed, which no test notices."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


COUNT = Count()
SAID = Said()


def pytest_configure() -> None:
    logging.getLogger("otel_eda").addHandler(SAID)
    provider = TracerProvider()
    provider.add_span_processor(COUNT)
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider([InMemoryMetricReader()]))
    otel_eda.enable()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """Leave how many spans there were, and what we warned of."""
    spans = Path(os.environ["SPANS"])
    spans.write_text(json.dumps(COUNT.ended))
    spans.with_name("said.json").write_text(json.dumps(SAID.messages))
