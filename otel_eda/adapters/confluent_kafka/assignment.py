"""The partitions that a `Consumer` is assigned, and its positions."""

from __future__ import annotations

from inspect import iscoroutinefunction
from typing import Any

from otel_eda.adapters._kafka import valid
from otel_eda.core import AssignmentChange, Listen, Observe, Position, assigned

CONSUMER = "confluent_kafka:Consumer"
SIGNATURES = {
    "Consumer.subscribe": "(self, topics, on_assign=..., on_revoke=..., on_lost=...)",
    "Consumer.assign": "(self, partitions)",
    "Consumer.incremental_assign": "(self, partitions)",
    "Consumer.incremental_unassign": "(self, partitions)",
    "Consumer.unassign": "(self)",
}


def partitions(items: Any = ()) -> list[tuple[str, int, int]]:
    """Return topic, partition and offset of one or more partitions."""
    every = items if isinstance(items, list) else [items]
    return [(partition.topic, partition.partition, partition.offset) for partition in every]


def positions_of(consumer: Any) -> list[Position]:
    """Return the positions of a consumer; the end of a partition came with its last messages.

    A consumer of a share group has no positions, and an asyncio consumer can only be asked in its own thread. No
    consumer may be asked while another thread closes it: the close destroys what is asked, and lets other threads run,
    before the consumer says that it is closed (`Consumer_close` in confluent-kafka's `Consumer.c`).
    """
    if not hasattr(consumer, "position") or iscoroutinefunction(consumer.position):
        return []
    positions = []
    for at in consumer.position(consumer.assignment()):
        start, end = consumer.get_watermark_offsets(at, cached=True) or (None, None)
        positions.append(Position(at.topic, str(at.partition), valid(at.offset), valid(end), valid(start)))
    return positions


def rebalanced(_: Any, items: Any) -> list[tuple[str, int, int]]:
    """Return the partitions that a rebalance is about."""
    return partitions(items)


# No callback for lost partitions is added: without one, librdkafka calls the one for revoked partitions.
REBALANCES = {
    "on_assign": AssignmentChange.ADD,
    "on_revoke": AssignmentChange.REMOVE,
    "on_lost": AssignmentChange.REMOVE,
}
SHAPES = (
    Listen(f"{CONSUMER}.subscribe", REBALANCES, ("on_assign", "on_revoke"), rebalanced),
    Observe(f"{CONSUMER}.assign", assigned(partitions), ("partitions",)),
    Observe(f"{CONSUMER}.incremental_assign", assigned(partitions, AssignmentChange.ADD), ("partitions",)),
    Observe(f"{CONSUMER}.incremental_unassign", assigned(partitions, AssignmentChange.REMOVE), ("partitions",)),
    Observe(f"{CONSUMER}.unassign", assigned(tuple)),
)
