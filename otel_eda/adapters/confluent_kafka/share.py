"""`ShareConsumer`, which came with version 2.15: its group shares messages, not partitions (KIP-932)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_eda.core import Close, Construct, ReceiveBatch, Settle

from .messages import Positions, configured

if TYPE_CHECKING:
    from collections.abc import Callable

SHARE = "confluent_kafka:ShareConsumer"
SIGNATURES = {
    "ShareConsumer.commit_sync": "(self, timeout=60)",
    "ShareConsumer.commit_async": "(self)",
}


def batches(polled: Any, replace: Callable[[list[Any]], list[Any]]) -> Any:
    """Return the result of a poll with the list inside of it replaced."""
    polled._records = replace(polled._records)
    return polled


def no_offsets(_: Any) -> Positions:
    """Return no offsets: such a commit settles single messages."""
    return {}


SHAPES = (
    Construct(f"{SHARE}.__init__?", configured),
    ReceiveBatch(f"{SHARE}.poll?", batches),
    Settle(f"{SHARE}.commit_sync?", (), no_offsets),
    Settle(f"{SHARE}.commit_async?", (), no_offsets),
    Close(f"{SHARE}.close?"),
    Close(f"{SHARE}.__exit__?"),
)
