"""Async pulls, of a batch and of one message."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

import pytest
from support.spans import attribute, current, ids

from core.tinyqueue import AsyncConsumer, Queue
from otel_eda.core.clients.instances import client_of
from otel_eda.core.process import processing, unwinding

if TYPE_CHECKING:
    from support.recorder import Recorder

    from otel_eda.core import Library


def test_an_async_batch_is_one_receive_span_and_a_process_span_for_each_message(
    queue: Queue, recorder: Recorder
) -> None:
    async def main() -> None:
        for _ in (await AsyncConsumer(queue, "orders").poll())["orders"]:
            await asyncio.sleep(0)
            assert len(recorder.open("process")) == 1
        assert current() == (0, 0)
        assert await AsyncConsumer(Queue(), "orders").poll() == {}

    asyncio.run(main())
    (span,) = recorder.receives(1)
    assert attribute(span, "messaging.batch.message_count") == 3
    recorder.processes(3)


@pytest.mark.parametrize("then", ["get", "close", "poll"])
def test_a_pulled_message_is_processed_until(then: str, queue: Queue, recorder: Recorder) -> None:
    async def main() -> None:
        consumer = AsyncConsumer(queue, "orders")
        await consumer.get()
        (span,) = recorder.open("process")
        assert current() == ids(span)
        await getattr(consumer, then)()
        assert ids(recorder.processes(1)[0]) == ids(span)
        await consumer.close()
        assert current() == (0, 0)

    asyncio.run(main())


def test_a_task_that_is_cancelled_while_it_waits_for_a_message_fails_nothing(recorder: Recorder) -> None:
    async def main() -> None:
        for call in (AsyncConsumer(Queue(), "orders").get, AsyncConsumer(Queue(), "orders").get):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(call(), 0.01)

    asyncio.run(main())
    assert recorder.ours() == []


def test_nothing_is_open_or_kept_after_use(queue: Queue, recorder: Recorder, library: Library) -> None:
    async def main() -> None:
        consumer = AsyncConsumer(queue, "orders")
        async for _ in consumer:
            break
        await asyncio.create_task(consumer.get())
        await consumer.get()
        await consumer.close()
        client = client_of(consumer, library)
        await asyncio.sleep(0)
        assert (client.processing_by_task, processing.open_processings.all()) == ({}, [])

    asyncio.run(main())
    gc.collect()
    assert unwinding._watches_by_frame == {}
    recorder.processes(3)
