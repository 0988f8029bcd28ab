"""What Prometheus makes of metrics of destinations that are made up at each start: dashboards go by one label."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from support.waiting import until

from otel_eda import semconv

if TYPE_CHECKING:
    from brokers.collector import CollectorServer
    from brokers.prometheus import Prometheus

SENT = "messaging_client_sent_messages_total"


def test_a_template_is_where_a_name_would_be(collector: CollectorServer, prometheus: Prometheus) -> None:
    endpoint = collector.addresses["collector:4317"]
    provider = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter(endpoint, insecure=True))])
    counter = provider.get_meter("test").create_counter(semconv.SENT, "{message}")
    counter.add(1, {semconv.TEMPLATE: "amq.gen-{id}"})
    counter.add(1, {semconv.DESTINATION: "orders"})
    provider.shutdown()
    found = until(lambda: len(series := prometheus.query(SENT)) == 2 and series, "both series in Prometheus")
    assert found
    assert {one["metric"]["messaging_destination_name"] for one in found} == {"amq.gen-{id}", "orders"}
