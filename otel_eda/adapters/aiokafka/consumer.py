"""`AIOKafkaConsumer`."""

from __future__ import annotations

from typing import Any

from otel_eda.adapters._kafka import batches, positions, positions_of_states
from otel_eda.core import (
    Close,
    Construct,
    Iterate,
    Observe,
    Position,
    ReceiveBatch,
    ReceiveOne,
    Settle,
    assigned,
    committed,
    rebalancing,
    seeked,
)

from .clients import offsets_by_partition

CONSUMER = "aiokafka.consumer.consumer:AIOKafkaConsumer"
COORDINATOR = "aiokafka.consumer.group_coordinator:GroupCoordinator"
SUBSCRIPTION = "aiokafka.consumer.subscription_state:SubscriptionState"


def committed_offsets(consumer: Any, offsets: Any) -> dict[tuple[str, str], int]:
    """Return the offsets that a commit commits: the ones it names, else all that were consumed."""
    if offsets is not None:
        return offsets_by_partition(offsets)
    subscription = consumer._subscription.subscription
    assigned = subscription and subscription.assignment
    return positions(assigned.all_consumed_offsets()) if assigned else {}


def positions_of(consumer: Any) -> list[Position]:
    """Return the positions of a consumer; a producer has none."""
    state = getattr(consumer, "_subscription", None)
    assigned = state and state.subscription and state.subscription.assignment
    return positions_of_states(assigned._tp_state) if assigned else []


SHAPES = (
    Construct(f"{CONSUMER}.__init__", early=True),
    Iterate(f"{CONSUMER}.__aiter__", "getone", timed=True),
    ReceiveOne(f"{CONSUMER}.getone", "getone"),
    ReceiveBatch(f"{CONSUMER}.getmany", batches, "getmany"),
    Settle(f"{CONSUMER}.commit", ("offsets",), committed_offsets),
    Observe(f"{COORDINATOR}._do_commit_offsets", committed(positions), ("offsets",), "_coordinator"),
    Observe(f"{CONSUMER}.seek_to_beginning", seeked),
    Observe(f"{CONSUMER}.seek_to_end", seeked),
    Observe(f"{CONSUMER}.seek_to_committed", seeked),
    Observe(f"{SUBSCRIPTION}.seek", seeked, part="_subscription"),
    Observe(f"{SUBSCRIPTION}.assign_from_user", assigned(), ("partitions",), "_subscription"),
    Observe(f"{SUBSCRIPTION}.assign_from_subscribed", assigned(), ("assignment",), "_subscription"),
    Observe(f"{SUBSCRIPTION}.begin_reassignment", rebalancing(lambda _: True), part="_subscription"),
    Close(f"{CONSUMER}.stop"),
)
