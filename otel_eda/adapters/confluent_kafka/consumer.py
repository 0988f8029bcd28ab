"""`Consumer`, and `DeserializingConsumer`, which is one."""

from __future__ import annotations

from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

from otel_eda.adapters._kafka import known
from otel_eda.core import Close, Commits, Configure, Listen, Position, PullOne, Receive, Remember, Settle

from .messages import Positions, after, configured, failure, positions, setting

if TYPE_CHECKING:
    from collections.abc import Callable

CONSUMER = "confluent_kafka:Consumer"
SIGNATURES = {
    "Consumer.commit": "(self, message=None, offsets=None, async_=True, asynchronous=True, **_)",
    "Consumer.subscribe": "(self, topics, on_assign=..., on_revoke=..., on_lost=...)",
    "Consumer.store_offsets": "(self, message=None, offsets=None)",
    "Consumer.seek": "(self, partition)",
    "Consumer.assign": "(self, partitions)",
    "Consumer.incremental_assign": "(self, partitions)",
    "Consumer.incremental_unassign": "(self, partitions)",
    "Consumer.unassign": "(self)",
}


def batches(messages: list[Any], keep: Callable[[list[Any]], list[Any]]) -> list[Any]:
    """Replace a consumed list."""
    return keep(messages)


def given(message: Any, offsets: Any) -> Positions:
    """Read what is to be stored."""
    return after(message) if message is not None else positions(offsets or ())


def offsets(_: Any, message: Any, chosen: Any) -> Positions:
    """Read what a commit is to commit; if it names nothing the result tells, or the callback."""
    return given(message, chosen)


def own_callback(*args: Any, **kwargs: Any) -> Any:
    """Give the application's callback for the outcome of commits."""
    return setting("on_commit", *args, **kwargs)


def committed(error: Any, found: Any) -> tuple[Positions, BaseException | None]:
    """Read the outcome of a commit."""
    return positions(found), None if error is None else failure(error)


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
        _, end = consumer.get_watermark_offsets(one, cached=True) or (None, -1)
        found.append(Position(one.topic, str(one.partition), known(one.offset), known(end)))
    return found


def concerned(_: Any, found: Any) -> list[tuple[str, int, int]]:
    """Read the partitions that a rebalance is about."""
    return partitions(found)


# Without a callback for lost partitions that for revoked ones is called: so none is added.
REBALANCES = {"on_assign": "assigned", "on_revoke": "unassigned", "on_lost": "unassigned: lost"}
SHAPES = (
    Configure(f"{CONSUMER}.__init__", configured, Commits("on_commit", own_callback, committed)),
    Listen(f"{CONSUMER}.subscribe", REBALANCES, ("on_assign", "on_revoke"), concerned),
    PullOne(f"{CONSUMER}.poll"),
    Receive(f"{CONSUMER}.consume", batches, operation="consume"),
    Settle(f"{CONSUMER}.commit", ("message", "offsets"), offsets, settled=positions),
    Remember(f"{CONSUMER}.store_offsets", ("message", "offsets"), read=given),
    Remember(f"{CONSUMER}.seek", ("partition",), read=partitions),
    Remember(f"{CONSUMER}.assign", ("partitions",), read=partitions),
    Remember(f"{CONSUMER}.incremental_assign", ("partitions",), read=partitions),
    Remember(f"{CONSUMER}.incremental_unassign", ("partitions",), read=partitions),
    Remember(f"{CONSUMER}.unassign"),
    Close(f"{CONSUMER}.close"),
    Close(f"{CONSUMER}.__exit__?"),
)
