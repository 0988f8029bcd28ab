"""Which partitions a `Consumer` has, and how far it is with them."""

from __future__ import annotations

from inspect import iscoroutinefunction
from typing import Any

from otel_eda.adapters._kafka import known
from otel_eda.core import AssignmentChange, Listen, Observe, Position, assigned

CONSUMER = "confluent_kafka:Consumer"
SIGNATURES = {
    "Consumer.subscribe": "(self, topics, on_assign=..., on_revoke=..., on_lost=...)",
    "Consumer.assign": "(self, partitions)",
    "Consumer.incremental_assign": "(self, partitions)",
    "Consumer.incremental_unassign": "(self, partitions)",
    "Consumer.unassign": "(self)",
}


def partitions(found: Any = ()) -> list[tuple[str, int, int]]:
    """Read one or more partitions."""
    every = found if isinstance(found, list) else [found]
    return [(one.topic, one.partition, one.offset) for one in every]


def where(consumer: Any) -> list[Position]:
    """Tell how far a consumer is; the end of a partition came with its last messages.

    Those of a share group have no position, and asyncio's are not to be asked by whoever comes along.
    """
    if not hasattr(consumer, "position") or iscoroutinefunction(consumer.position):
        return []
    found = []
    for one in consumer.position(consumer.assignment()):
        start, end = consumer.get_watermark_offsets(one, cached=True) or (None, None)
        found.append(Position(one.topic, str(one.partition), known(one.offset), known(end), known(start)))
    return found


def concerned(_: Any, found: Any) -> list[tuple[str, int, int]]:
    """Read the partitions that a rebalance is about."""
    return partitions(found)


# Without a callback for lost partitions that for revoked ones is called: so none is added.
REBALANCES = {
    "on_assign": AssignmentChange.ADD,
    "on_revoke": AssignmentChange.REMOVE,
    "on_lost": AssignmentChange.REMOVE,
}
SHAPES = (
    Listen(f"{CONSUMER}.subscribe", REBALANCES, ("on_assign", "on_revoke"), concerned),
    Observe(f"{CONSUMER}.assign", assigned(partitions), ("partitions",)),
    Observe(f"{CONSUMER}.incremental_assign", assigned(partitions, AssignmentChange.ADD), ("partitions",)),
    Observe(f"{CONSUMER}.incremental_unassign", assigned(partitions, AssignmentChange.REMOVE), ("partitions",)),
    Observe(f"{CONSUMER}.unassign", assigned(tuple)),
)
