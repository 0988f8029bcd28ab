"""What tests of several packages share: a producer's context, two ways to consume, the outcome of a loop's body."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from support.spans import attribute, failed, traceparent

from core.tinyqueue import Consumer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.sdk.trace import ReadableSpan

    from core.tinyqueue import Queue, Record

PRODUCER = (0xA, 0xB)  # trace and span id of a producer elsewhere
TRACED = [("traceparent", traceparent(PRODUCER))]  # the headers of its messages

EXACT = sys.version_info >= (3, 12)  # `sys.monitoring` says which exception left a body
DONE, ABANDONED = "done", "abandoned"
FAILED = "ValueError" if EXACT else "_OTHER"
CANCELLED = "asyncio.exceptions.CancelledError"


def iterated(queue: Queue) -> Iterable[Record]:
    """Return a consumer of `orders`, to be iterated."""
    return Consumer(queue, "orders")


def polled(queue: Queue) -> Iterable[Record]:
    """Return the messages of `orders` as a polled list."""
    return Consumer(queue, "orders").poll()["orders"]


def outcome(span: ReadableSpan) -> object:
    """Return the error type of a process span, else `ABANDONED` or `DONE`."""
    error, abandoned = attribute(span, "error.type"), attribute(span, "eda.process.abandoned")
    assert failed(span) is (error is not None)
    return error or (ABANDONED if abandoned else DONE)
