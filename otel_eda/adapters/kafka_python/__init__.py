"""kafka-python 2.0.2 to 3.x."""

from __future__ import annotations

from typing import Any

from otel_eda import semconv
from otel_eda.adapters._hooks import official_hooks
from otel_eda.adapters._kafka import max_poll_interval, read, server
from otel_eda.core import Identity, Library, Official

from . import consumer, producer


def identify(client: Any) -> Identity:
    """Return the identity in a client's configuration."""
    config = client.config
    group, limit = config.get("group_id"), config.get("max_poll_interval_ms")
    where = server(config.get("bootstrap_servers"))
    return Identity(config.get("client_id"), group, *where, max_poll_interval=max_poll_interval(limit, group))


def cluster(client: Any) -> dict[str, Any] | None:
    """Return the cluster's id, which comes with the first answer of a broker; version 2 does not keep it."""
    known: Any = getattr(client, "_metadata", getattr(client, "_cluster", None))
    if not hasattr(known, "cluster_id"):
        return {}
    return {semconv.CLUSTER: known.cluster_id} if known.cluster_id else None


LIBRARY = Library(
    name="kafka_python",
    system="kafka",
    package="kafka",
    distribution="kafka-python",
    supported=((2, 0, 2), (4,)),
    official=Official("opentelemetry.instrumentation.kafka:KafkaInstrumentor"),
    official_hooks=lambda settings: official_hooks(settings.get("produce_hook"), settings.get("consume_hook")),
    message=read,
    identify=identify,
    positions=consumer.positions_of,
    learnt=cluster,
    shapes=(*producer.SHAPES, *consumer.SHAPES),
)
