"""`ShareConsumer`, which came with 2.15: its group shares the messages, not the partitions."""

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


def batches(polled: Any, keep: Callable[[list[Any]], list[Any]]) -> Any:
    """Replace the list inside of what a poll gives."""
    polled._records = keep(polled._records)
    return polled


def offsets(_: Any) -> Positions:
    """Tell nothing: what is committed is the answers to single messages."""
    return {}


SHAPES = (
    Construct(f"{SHARE}.__init__?", configured),
    ReceiveBatch(f"{SHARE}.poll?", batches),
    Settle(f"{SHARE}.commit_sync?", (), offsets),
    Settle(f"{SHARE}.commit_async?", (), offsets),
    Close(f"{SHARE}.close?"),
    Close(f"{SHARE}.__exit__?"),
)
