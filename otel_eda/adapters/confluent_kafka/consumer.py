"""`Consumer`, and `DeserializingConsumer`, which is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_eda.core import (
    Close,
    CommitCallback,
    Construct,
    Observe,
    ReceiveBatch,
    ReceiveOne,
    Settle,
    seeked,
    unreadable,
)

from .messages import Positions, configured, failure, offset_after, positions, setting

if TYPE_CHECKING:
    from collections.abc import Callable

CONSUMER = "confluent_kafka:Consumer"
SIGNATURES = {
    "Consumer.commit": "(self, message=None, offsets=None, async_=True, asynchronous=True, **_)",
    "Consumer.seek": "(self, partition)",
}


def batches(messages: list[Any], replace: Callable[[list[Any]], list[Any]]) -> list[Any]:
    """Return the replacement of a consumed list."""
    return replace(messages)


def named_offsets(_: Any, message: Any, offsets: Any) -> Positions:
    """Return the offsets that a commit names; if it names none, the result or the callback has them."""
    return offset_after(message) if message is not None else positions(offsets or ())


def own_callback(*args: Any, **kwargs: Any) -> Any:
    """Return the application's callback for the outcome of commits, or `...` for a consumer without a configuration."""
    return setting("on_commit", *args, **kwargs) if args or kwargs else ...


def commit_outcome(error: Any, partitions: Any) -> tuple[Positions, BaseException | None]:
    """Return the offsets of a commit, and its error as an exception or None."""
    return positions(partitions), None if error is None else failure(error)


SHAPES = (
    Construct(f"{CONSUMER}.__init__", configured, CommitCallback("on_commit", own_callback, commit_outcome)),
    ReceiveOne(f"{CONSUMER}.poll"),
    Observe("confluent_kafka:DeserializingConsumer.poll", unreadable),
    ReceiveBatch(f"{CONSUMER}.consume", batches, operation="consume"),
    Settle(f"{CONSUMER}.commit", ("message", "offsets"), named_offsets, settled=positions),
    Observe(f"{CONSUMER}.seek", seeked),
    Close(f"{CONSUMER}.close"),
    Close(f"{CONSUMER}.__exit__?"),
)
