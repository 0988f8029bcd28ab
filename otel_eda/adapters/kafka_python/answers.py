"""The broker's answers, which come to futures of kafka-python."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from otel_eda.adapters._kafka import where_and_when
from otel_eda.core import Message

if TYPE_CHECKING:
    from collections.abc import Callable


def confirmed(item: Any) -> Message:
    """Return the message of a `RecordMetadata`, the broker's answer."""
    offset, stamp = where_and_when(item)
    return Message(item.topic, str(item.partition), offset, None, stamp, item.serialized_value_size == -1)


def unconfirmed(item: Any) -> Message:
    """Return the message of a `RecordMetadata` that stands in for an answer (`acks=0`): its offset means nothing."""
    return replace(confirmed(item), offset=None)


def report(future: Any, done: Callable[[Any], None], failed: Callable[[BaseException], None]) -> None:
    """Call one of two callbacks with the outcome of a future of kafka-python."""
    add_both = getattr(future, "_add_cb_eb", None)
    if add_both is not None:  # since version 3, where each has its price
        add_both(done, failed)
    else:
        future.add_callback(done)
        future.add_errback(failed)
