"""A pulled message is processed by the task that pulled it, or that awaits its pull."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from support.spans import current, exceptions, failed, ids, parent

from core.common import DONE, EXACT, outcome
from core.process.bodies.asynchronous import awaited, forever
from core.tinyqueue import AsyncConsumer, AsyncProducer, Consumer, Queue

if TYPE_CHECKING:
    from support.recorder import Recorder


def test_tasks_that_share_a_consumer_end_their_own_process_spans_only(queue: Queue, recorder: Recorder) -> None:
    consumer = AsyncConsumer(queue, "orders")

    async def consume(handled: asyncio.Event) -> None:
        message = await consumer.get()
        mine = current()
        await handled.wait()
        assert current() == mine
        queue.fill("orders", message.value)
        await consumer.commit()
        assert current() == mine

    async def main() -> None:
        events = [asyncio.Event() for _ in range(3)]
        tasks = [asyncio.create_task(consume(event)) for event in events]
        for done, (event, task) in enumerate(zip(events, tasks, strict=True)):
            await asyncio.sleep(0.01)
            recorder.processes(done)
            assert len(recorder.open("process")) == 3 - done
            event.set()
            await task

    asyncio.run(main())
    recorder.processes(3)


@pytest.mark.parametrize("way", ["returns", "fails", "is cancelled"])
def test_a_task_that_ends_ends_its_process_span(way: str, queue: Queue, recorder: Recorder) -> None:
    consumer = AsyncConsumer(queue, "orders")

    async def consume() -> None:
        await consumer.get()
        if way == "fails":
            await awaited()
        if way == "is cancelled":
            await forever()

    async def main() -> None:
        task = asyncio.create_task(consume())
        await asyncio.wait([task], timeout=0.01)
        task.cancel()
        await asyncio.wait([task])
        await asyncio.sleep(0)
        assert not recorder.open()
        assert task.cancelled() or task.exception() is None or way == "fails"

    asyncio.run(main())
    expected = {"returns": DONE, "fails": "ValueError", "is cancelled": "abandoned"}[way]
    assert [outcome(span) for span in recorder.processes(1)] == [expected]


def test_a_task_that_only_pulls_hands_its_message_on(queue: Queue, recorder: Recorder) -> None:
    """As `wait_for` makes one before Python 3.12, and whoever waits for a message and for something else."""

    async def main() -> None:
        consumer = AsyncConsumer(queue, "orders")
        for done in range(3):
            message = await asyncio.create_task(consumer.get())
            await asyncio.sleep(0)
            assert message.value == done + 1
            recorder.processes(done)
            assert len(recorder.open("process")) == 1
        await consumer.close()
        assert not recorder.open()

    asyncio.run(main())
    assert [outcome(span) for span in recorder.processes(3)] == [DONE] * 3


async def thread(loop: asyncio.AbstractEventLoop, consumer: Consumer) -> Any:
    return await loop.run_in_executor(None, next, consumer, None)


async def to_thread(_: asyncio.AbstractEventLoop, consumer: Consumer) -> Any:
    return await asyncio.to_thread(next, consumer, None)


async def shielded(loop: asyncio.AbstractEventLoop, consumer: Consumer) -> Any:
    return await asyncio.shield(loop.run_in_executor(None, next, consumer, None))


async def limited(loop: asyncio.AbstractEventLoop, consumer: Consumer) -> Any:
    return await asyncio.wait_for(loop.run_in_executor(None, next, consumer, None), 10)


async def by_asgiref(_: asyncio.AbstractEventLoop, consumer: Consumer) -> Any:
    return await pytest.importorskip("asgiref.sync").sync_to_async(next)(consumer, None)


@pytest.mark.parametrize("pull", [thread, to_thread, shielded, limited, by_asgiref])
def test_a_message_that_an_executor_pulls_is_the_tasks_that_awaits_it(
    pull: Any, queue: Queue, recorder: Recorder
) -> None:
    async def main() -> None:
        consumer, loop = Consumer(queue, "orders"), asyncio.get_running_loop()
        await loop.run_in_executor(None, int)  # the thread is there, and faster than the loop is slow
        for done in range(3):
            record = await pull(loop, consumer)
            recorder.processes(done)
            (span,) = recorder.open("process")
            assert (record.value, current()) == (done + 1, ids(span))
            with recorder.tracer.start_as_current_span("work"):
                await AsyncProducer(Queue()).publish("onward")
        await asyncio.to_thread(consumer.close)

    asyncio.run(main())
    processed = recorder.processes(3)
    assert [parent(span) for span in recorder.own("work")] == [ids(span) for span in processed]
    assert [parent(span) for span in recorder.sends(3)] == [ids(span) for span in recorder.own("work")]
    assert not any(failed(span) for span in processed)


async def limited_task(_: asyncio.AbstractEventLoop, consumer: AsyncConsumer) -> Any:
    return await asyncio.wait_for(consumer.get(), 0.05)


@pytest.mark.parametrize("pull", [thread, to_thread, shielded, limited, by_asgiref, limited_task])
def test_what_comes_after_an_empty_pull_is_not_the_last_messages(pull: Any, queue: Queue, recorder: Recorder) -> None:
    async def main() -> None:
        consumer: Any = (AsyncConsumer if pull is limited_task else Consumer)(queue, "orders")
        loop, before = asyncio.get_running_loop(), current()
        for _ in range(3):
            await pull(loop, consumer)
            assert current() == ids(recorder.open("process")[0])
        with suppress(asyncio.TimeoutError):
            assert await pull(loop, consumer) is None
        assert current() == before
        await asyncio.to_thread(consumer.close) if pull is not limited_task else await consumer.close()

    asyncio.run(main())
    recorder.processes(3)


def test_a_loop_in_an_executors_thread_is_its_own(queue: Queue, recorder: Recorder) -> None:
    def consume() -> None:
        consumer = Consumer(queue, "orders")
        while next(consumer, None):
            assert current() == ids(recorder.open("process")[0])

    async def main() -> None:
        await asyncio.to_thread(consume)
        assert current() == (0, 0)

    asyncio.run(main())
    recorder.processes(3)


@pytest.mark.skipif(not EXACT, reason="sys.monitoring is new in Python 3.12")
def test_an_exception_after_a_pull_fails_its_process_span(queue: Queue, recorder: Recorder) -> None:
    consumer = AsyncConsumer(queue, "orders")

    async def handle() -> None:
        await consumer.get()
        raise ValueError("this one")

    async def main() -> None:
        with pytest.raises(ValueError, match="this one"):
            await handle()
        assert not recorder.open()

    asyncio.run(main())
    assert [exceptions(span) for span in recorder.processes(1)] == [[("ValueError", "this one")]]
