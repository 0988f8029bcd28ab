"""What the producer and the consumer of aiokafka share."""

from __future__ import annotations

from typing import Any

from otel_eda.adapters._kafka import headless, max_poll_interval, server
from otel_eda.core import Identity


def identify(client: Any) -> Identity:
    """Return the identity in a client's configuration."""
    inner = client.client if hasattr(client, "client") else client._client
    group, limit = getattr(client, "_group_id", None), getattr(client, "_max_poll_interval_ms", None)
    where = server(inner._bootstrap_servers)
    return Identity(inner._client_id, group, *where, max_poll_interval=max_poll_interval(limit, group))


def offsets_by_partition(offsets: Any) -> dict[tuple[str, str], int]:
    """Return offsets, with or without metadata, by topic and partition, but for those that the client will refuse."""
    pairs = offsets.items() if isinstance(offsets, dict) else ()
    tuples = [(at, item[:1] if isinstance(item, tuple) else (item,)) for at, item in pairs if hasattr(at, "partition")]
    return {(at.topic, str(at.partition)): item[0] for at, item in tuples if item and isinstance(item[0], int)}


def without_headers(producer: Any) -> bool:
    """Return whether a producer was told, before aiokafka 0.13, or has found out, that its broker knows no headers."""
    return headless(getattr(producer.client, "_api_version", None))


def serializer(producer: Any) -> Any:
    """Return what a producer makes of values, None if that is nothing."""
    return producer._value_serializer
