"""`KafkaConsumer`."""

from __future__ import annotations

from typing import Any

from otel_eda.adapters._kafka import batches, positions, positions_of_states, valid
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

from .answers import report

CONSUMER = "kafka.consumer.group:KafkaConsumer"
COORDINATOR = "kafka.coordinator.consumer:ConsumerCoordinator"
SUBSCRIPTION = "kafka.consumer.subscription_state:SubscriptionState"
FETCHER = "kafka.consumer.fetcher:Fetcher"


def committed_offsets(consumer: Any, named: Any) -> dict[tuple[str, str], int]:
    """Return the offsets that a commit commits: the ones it names, else all that were consumed."""
    return positions(consumer._subscription.all_consumed_offsets() if named is None else named)


def positions_of(consumer: Any) -> list[Position]:
    """Return the positions of a consumer; a producer has none."""
    subscription = getattr(consumer, "_subscription", None)
    return positions_of_states(subscription.assignment) if subscription else []


def read_log_start(fetch: Any) -> tuple[str, str, int] | None:
    """Return where the log of a partition begins, or None before version 3, whose fetches do not ask for it."""
    start = valid(getattr(fetch.partition_data, "log_start_offset", None))
    partition = fetch.topic_partition
    return None if start is None else (partition.topic, str(partition.partition), start)


def is_eager(consumer: Any) -> bool:
    """Return whether a rebalance takes all partitions from the consumer.

    The cooperative protocol (KIP-429), which kafka-python has since version 3, does not.
    """
    protocol = getattr(consumer._coordinator, "_rebalance_protocol", None)
    return getattr(protocol, "name", "EAGER") == "EAGER"


SHAPES = (
    Construct(f"{CONSUMER}.__init__"),
    ReceiveBatch(f"{CONSUMER}.poll", batches),
    Iterate(f"{CONSUMER}.__iter__"),
    ReceiveOne(f"{CONSUMER}.__next__", timed=False),
    Settle(f"{CONSUMER}.commit", ("offsets",), committed_offsets),
    Settle(f"{CONSUMER}.commit_async", ("offsets",), committed_offsets, report),
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
    Observe(f"{COORDINATOR}._on_join_prepare_async|_on_join_prepare", rebalancing(is_eager), part="_coordinator"),
    Observe(f"{FETCHER}._parse_fetched_data?", log_start(read_log_start), ("completed_fetch",), "_fetcher"),
    Close(f"{CONSUMER}.close"),
)
