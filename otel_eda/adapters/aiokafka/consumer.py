"""`AIOKafkaConsumer`."""

from __future__ import annotations

from typing import Any

from otel_eda.adapters._kafka import batches, positions, standing
from otel_eda.core import (
    Assign,
    AutoCommit,
    Close,
    Configure,
    Iterate,
    Position,
    PullOne,
    Receive,
    Rejoin,
    Seek,
    Settle,
)

from .clients import given

CONSUMER = "aiokafka.consumer.consumer:AIOKafkaConsumer"
COORDINATOR = "aiokafka.consumer.group_coordinator:GroupCoordinator"
SUBSCRIPTION = "aiokafka.consumer.subscription_state:SubscriptionState"


def committed(consumer: Any, offsets: Any) -> dict[tuple[str, str], int]:
    """Read what a commit commits: the offsets given, else all that were consumed."""
    if offsets is not None:
        return given(offsets)
    subscription = consumer._subscription.subscription
    assigned = subscription and subscription.assignment
    return positions(assigned.all_consumed_offsets()) if assigned else {}


def where(consumer: Any) -> list[Position]:
    """Tell how far a consumer is; a producer is nowhere."""
    state = getattr(consumer, "_subscription", None)
    assigned = state and state.subscription and state.subscription.assignment
    return standing(assigned._tp_state) if assigned else []


SHAPES = (
    Configure(f"{CONSUMER}.__init__", early=True),
    Iterate(f"{CONSUMER}.__aiter__", "getone", timed=True),
    PullOne(f"{CONSUMER}.getone", "getone"),
    Receive(f"{CONSUMER}.getmany", batches, "getmany"),
    Settle(f"{CONSUMER}.commit", ("offsets",), committed),
    AutoCommit(f"{COORDINATOR}._do_commit_offsets", ("offsets",), positions, "_coordinator"),
    Seek(f"{CONSUMER}.seek_to_beginning"),
    Seek(f"{CONSUMER}.seek_to_end"),
    Seek(f"{CONSUMER}.seek_to_committed"),
    Seek(f"{SUBSCRIPTION}.seek", "_subscription"),
    Assign(f"{SUBSCRIPTION}.assign_from_user", ("partitions",), "_subscription"),
    Assign(f"{SUBSCRIPTION}.assign_from_subscribed", ("assignment",), "_subscription"),
    Rejoin(f"{SUBSCRIPTION}.begin_reassignment", "_subscription", lambda _: True),
    Close(f"{CONSUMER}.stop"),
)
