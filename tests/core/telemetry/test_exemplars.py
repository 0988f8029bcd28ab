"""A slow bucket leads to its trace: every duration of something that has a span is measured in that span's context."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from support.spans import attribute

import otel_eda
from core.tinyqueue import Consumer, Producer, Queue
from otel_eda import config
from otel_eda.config import Config

if TYPE_CHECKING:
    import pytest
    from opentelemetry.sdk.trace import ReadableSpan
    from support.recorder import Recorder


def exemplars(recorder: Recorder) -> dict[str, set[bytes]]:
    """Collect; give the spans of the exemplars of each histogram, as they leave by OTLP."""
    data = recorder.reader.get_metrics_data()
    assert data is not None
    request: Any = encode_metrics(data)
    scopes = [scope for resource in request.resource_metrics for scope in resource.scope_metrics]
    return {
        metric.name: {one.span_id for point in metric.histogram.data_points for one in point.exemplars}
        for scope in scopes
        for metric in scope.metrics
        if metric.HasField("histogram")
    }


def span_ids(spans: list[ReadableSpan], *types: str) -> set[bytes]:
    return {
        span.context.span_id.to_bytes(8, "big")
        for span in spans
        if span.context and attribute(span, "messaging.operation.type") in types
    }


def test_durations_lead_to_their_spans(recorder: Recorder, queue: Queue) -> None:
    Producer(queue).send("orders")
    consumer = Consumer(queue, "orders")
    for _ in consumer:
        break
    consumer.commit()
    consumer.close()
    spans = recorder.ours()
    found = exemplars(recorder)
    assert found["messaging.process.duration"] == span_ids(spans, "process")
    assert found["messaging.client.operation.duration"] == span_ids(spans, "send", "settle")


def test_ages_lead_to_their_spans(
    recorder: Recorder, stamped: int, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "_current", Config(strict=True, message_age=True))
    consumer = Consumer(queue, "orders")
    for _ in consumer:
        break
    consumer.close()
    found, (span,) = exemplars(recorder), recorder.processes(1)
    assert found["eda.queue.duration"] == found["eda.message.age"] == span_ids([span], "process")


def test_handlers_lead_to_their_spans(recorder: Recorder) -> None:
    @otel_eda.registry(register="on", dispatch="emit")
    class Bus:
        def __init__(self) -> None:
            self.handlers: list[Any] = []

        def on(self, handler: Any) -> None:
            self.handlers.append(handler)

        def emit(self, event: Any) -> None:
            for handler in self.handlers:
                handler(event)

    bus = Bus()
    bus.on(lambda _: None)
    bus.emit({"event_type": "paid"})
    (span,) = recorder.ours()
    assert span.context is not None
    assert exemplars(recorder)["eda.handler.duration"] == {span.context.span_id.to_bytes(8, "big")}
