"""`KafkaConsumer`."""

from __future__ import annotations

from typing import Any

from otel_eda.adapters._kafka import batches, known, positions, report, standing
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
    log_start,
    rebalancing,
    seeked,
)

CONSUMER = "kafka.consumer.group:KafkaConsumer"
COORDINATOR = "kafka.coordinator.consumer:ConsumerCoordinator"
SUBSCRIPTION = "kafka.consumer.subscription_state:SubscriptionState"
FETCHER = "kafka.consumer.fetcher:Fetcher"


def offsets(consumer: Any, given: Any) -> dict[tuple[str, str], int]:
    """Read what a commit commits: the offsets given, else all that were consumed."""
    return positions(consumer._subscription.all_consumed_offsets() if given is None else given)


def where(consumer: Any) -> list[Position]:
    """Tell how far a consumer is; a producer is nowhere."""
    subscription = getattr(consumer, "_subscription", None)
    return standing(subscription.assignment) if subscription else []


def beginning(fetch: Any) -> tuple[str, str, int] | None:
    """Read where a partition's log begins; before version 3 the client does not ask for that."""
    start = known(getattr(fetch.partition_data, "log_start_offset", None))
    at = fetch.topic_partition
    return None if start is None else (at.topic, str(at.partition), start)


def eager(consumer: Any) -> bool:
    """Tell whether a rebalance takes all partitions: it does but for the cooperative protocol of version 3."""
    protocol = getattr(consumer._coordinator, "_rebalance_protocol", None)
    return getattr(protocol, "name", "EAGER") == "EAGER"


SHAPES = (
    Construct(f"{CONSUMER}.__init__"),
    ReceiveBatch(f"{CONSUMER}.poll", batches),
    Iterate(f"{CONSUMER}.__iter__"),
    ReceiveOne(f"{CONSUMER}.__next__", timed=False),
    Settle(f"{CONSUMER}.commit", ("offsets",), offsets),
    Settle(f"{CONSUMER}.commit_async", ("offsets",), offsets, report),
    Observe(
        f"{COORDINATOR}._commit_offsets_async_on_complete",
        committed(positions),
        ("offsets", "res_or_exc|exception"),
        "_coordinator",
    ),
    Observe(
        f"{COORDINATOR}._commit_offsets_sync_async|commit_offsets_sync",
        committed(positions),
        ("offsets",),
        "_coordinator",
    ),
    Observe(f"{SUBSCRIPTION}.seek", seeked, part="_subscription"),
    Observe(f"{SUBSCRIPTION}.assign_from_user", assigned(), ("partitions",), "_subscription"),
    Observe(f"{SUBSCRIPTION}.assign_from_subscribed", assigned(), ("assignments",), "_subscription"),
    Observe(f"{COORDINATOR}._on_join_prepare_async|_on_join_prepare", rebalancing(eager), part="_coordinator"),
    Observe(f"{FETCHER}._parse_fetched_data?", log_start(beginning), ("completed_fetch",), "_fetcher"),
    Close(f"{CONSUMER}.close"),
)
