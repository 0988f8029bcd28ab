"""`Consumer`, and `DeserializingConsumer`, which is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_eda.core import Close, CommitCallback, Construct, Observe, ReceiveBatch, ReceiveOne, Settle, seeked

from .messages import Positions, after, configured, failure, positions, setting

if TYPE_CHECKING:
    from collections.abc import Callable

CONSUMER = "confluent_kafka:Consumer"
SIGNATURES = {
    "Consumer.commit": "(self, message=None, offsets=None, async_=True, asynchronous=True, **_)",
    "Consumer.seek": "(self, partition)",
}


def batches(messages: list[Any], keep: Callable[[list[Any]], list[Any]]) -> list[Any]:
    """Replace a consumed list."""
    return keep(messages)


def offsets(_: Any, message: Any, chosen: Any) -> Positions:
    """Read what a commit is to commit; if it names nothing the result tells, or the callback."""
    return after(message) if message is not None else positions(chosen or ())


def own_callback(*args: Any, **kwargs: Any) -> Any:
    """Give the application's callback for the outcome of commits; nothing that could be one without a configuration."""
    return setting("on_commit", *args, **kwargs) if args or kwargs else ...


def committed(error: Any, found: Any) -> tuple[Positions, BaseException | None]:
    """Read the outcome of a commit."""
    return positions(found), None if error is None else failure(error)


SHAPES = (
    Construct(f"{CONSUMER}.__init__", configured, CommitCallback("on_commit", own_callback, committed)),
    ReceiveOne(f"{CONSUMER}.poll"),
    ReceiveBatch(f"{CONSUMER}.consume", batches, operation="consume"),
    Settle(f"{CONSUMER}.commit", ("message", "offsets"), offsets, settled=positions),
    Observe(f"{CONSUMER}.seek", seeked),
    Close(f"{CONSUMER}.close"),
    Close(f"{CONSUMER}.__exit__?"),
)
