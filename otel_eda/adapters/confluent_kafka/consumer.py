"""`Consumer`, and `DeserializingConsumer`, which is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_eda.core import Close, Configure, PullOne, Receive, Remember, Settle

from .messages import Positions, after, configured, positions

if TYPE_CHECKING:
    from collections.abc import Callable

CONSUMER = "confluent_kafka:Consumer"
SIGNATURES = {
    "Consumer.commit": "(self, message=None, offsets=None, async_=True, asynchronous=True, **_)",
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


def offsets(consumer: Any, message: Any, chosen: Any) -> Positions:
    """Read what a commit commits: what is given, else all that were consumed."""
    if message is not None or chosen is not None:
        return given(message, chosen)
    return positions(consumer.position(consumer.assignment()))


def partitions(found: Any = ()) -> list[tuple[str, int, int]]:
    """Read one or more partitions."""
    every = found if isinstance(found, list) else [found]
    return [(one.topic, one.partition, one.offset) for one in every]


SHAPES = (
    Configure(f"{CONSUMER}.__init__", configured),
    PullOne(f"{CONSUMER}.poll"),
    Receive(f"{CONSUMER}.consume", batches, operation="consume"),
    Settle(f"{CONSUMER}.commit", ("message", "offsets"), offsets),
    Remember(f"{CONSUMER}.store_offsets", ("message", "offsets"), read=given),
    Remember(f"{CONSUMER}.seek", ("partition",), read=partitions),
    Remember(f"{CONSUMER}.assign", ("partitions",), read=partitions),
    Remember(f"{CONSUMER}.incremental_assign", ("partitions",), read=partitions),
    Remember(f"{CONSUMER}.incremental_unassign", ("partitions",), read=partitions),
    Remember(f"{CONSUMER}.unassign"),
    Close(f"{CONSUMER}.close"),
    Close(f"{CONSUMER}.__exit__?"),
)
