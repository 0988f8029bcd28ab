"""A commit is a span, whether sync or async."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from opentelemetry.trace import SpanKind
from support.spans import attribute, current, parent

from core.tinyqueue import AsyncConsumer, Consumer, Queue

if TYPE_CHECKING:
    from support.recorder import Recorder


def test_a_commit_is_a_child_of_the_process_span(queue: Queue, recorder: Recorder) -> None:
    consumer = Consumer(queue, "orders")
    for _ in consumer:
        process = current()
        consumer.commit({"orders": 1})
        break
    (span,) = recorder.settles(1)
    assert (span.name, span.kind, parent(span)) == ("commit orders", SpanKind.CLIENT, process)
    assert recorder.count("eda.commits") == 1


def test_a_commit_that_raises_has_failed(queue: Queue, recorder: Recorder) -> None:
    with pytest.raises(KeyError):
        Consumer(queue, "orders").commit({"nowhere": 1})
    (span,) = recorder.settles(1)
    assert attribute(span, "error.type") == "KeyError"


def test_an_async_commit_is_a_child_of_the_process_span(queue: Queue, recorder: Recorder) -> None:
    seen = []

    async def main() -> None:
        consumer = AsyncConsumer(queue, "orders")
        async for _ in consumer:
            seen.append(current())
            await consumer.commit({"orders": 1})
            break
        with pytest.raises(KeyError):
            await consumer.commit({"nowhere": 1})

    asyncio.run(main())
    good, bad = recorder.settles(2)
    assert (parent(good), parent(bad)) == (seen[0], None)
    assert attribute(bad, "error.type") == "KeyError"
