"""kafka-python 2.0.2 to 3.x."""

from __future__ import annotations

from typing import Any

from otel_eda.adapters._kafka import max_poll_interval, read, server
from otel_eda.core import Identity, Library

from . import consumer, producer


def identify(client: Any) -> Identity:
    """Return the identity in a client's configuration."""
    config = client.config
    group, limit = config.get("group_id"), config.get("max_poll_interval_ms")
    where = server(config.get("bootstrap_servers"))
    return Identity(config.get("client_id"), group, *where, max_poll_interval=max_poll_interval(limit, group))


LIBRARY = Library(
    name="kafka_python",
    system="kafka",
    package="kafka",
    distribution="kafka-python",
    supported=((2, 0, 2), (4,)),
    official="opentelemetry.instrumentation.kafka:KafkaInstrumentor",
    message=read,
    identify=identify,
    positions=consumer.positions_of,
    shapes=(*producer.SHAPES, *consumer.SHAPES),
)
