"""When alerts on the telemetry itself fire."""

from __future__ import annotations

from .series import Case, counted

SPANS = "otel_sdk_processor_span_processed_total"
CASES = [
    Case(
        "EdaTelemetryIncomplete",
        "nobody can be scraped, so nobody counts as gone",
        counted("eda_consumer_partition_count", "3x40 stale") | counted("up", "1x40 0x20", 'job="services"'),
    ),
    Case(
        "EdaTelemetryIncomplete",
        "a step of ours fails",
        counted("eda_telemetry_failures_total", "_x56 1x10", 'job="a",eda_step="end"'),
    ),
    Case(
        "EdaTelemetryIncomplete",
        "one did, long ago",
        counted("eda_telemetry_failures_total", "1x60", 'job="a",eda_step="end"'),
        fires=False,
    ),
    Case(
        "EdaTelemetryIncomplete", "the SDK drops spans", counted(SPANS, "_x56 9x10", 'job="a",error_type="queue_full"')
    ),
    Case("EdaTelemetryIncomplete", "the SDK drops none", counted(SPANS, "0+99x60", 'job="a"'), fires=False),
    Case(
        "EdaTelemetryIncomplete",
        "Jaeger takes no spans",
        counted("otelcol_exporter_send_failed_spans_total", "0x55 9x10", 'exporter="otlp"'),
    ),
    Case(
        "EdaTelemetryIncomplete",
        "the collector refuses spans",
        counted("otelcol_receiver_refused_spans_total", "0x55 9x10", 'receiver="otlp"'),
    ),
    Case(
        "EdaTelemetryIncomplete",
        "nothing is refused",
        counted("otelcol_receiver_refused_spans_total", "0x60", 'receiver="otlp"'),
        fires=False,
    ),
    Case(
        "EdaTelemetryIncomplete",
        "a metric has too many series",
        counted("eda_unhandled_events_total", "9x60", 'job="a",otel_metric_overflow="true"'),
    ),
    Case("EdaTelemetryIncomplete", "the collector is down", counted("up", "1x50 0x10", 'job="services"')),
    Case("EdaTelemetryIncomplete", "the collector is up", counted("up", "1x60", 'job="services"'), fires=False),
]
