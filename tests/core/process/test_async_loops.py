"""An async loop: tasks that run at once never see each other's process spans."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

import pytest
from support.recorder import recording
from support.spans import current, ids, parent

from core.tinyqueue import AsyncConsumer, AsyncProducer, Queue

if TYPE_CHECKING:
    from support.recorder import Recorder

    from otel_eda.core import Library


def test_each_message_has_a_span_that_is_current_in_the_body(queue: Queue, recorder: Recorder) -> None:
    seen = []

    async def main() -> None:
        async for _ in AsyncConsumer(queue, "orders"):
            seen.append(current())
            await asyncio.sleep(0)
            assert seen[-1] == current()
            assert len(recorder.open("process")) == 1
        assert current() == (0, 0)

    asyncio.run(main())
    assert seen == [ids(span) for span in recorder.processes(3)]


def test_a_loop_gives_the_consumer_to_everyone_who_looks(queue: Queue, recorder: Recorder) -> None:
    async def main() -> None:
        consumer = AsyncConsumer(queue, "orders")
        loop = aiter(consumer)
        assert isinstance(loop, AsyncConsumer)
        assert (loop == consumer, loop.group) == (True, "readers")
        assert [(await anext(loop)).value, (await anext(consumer)).value] == [1, 2]
        assert [message.value async for message in consumer] == [3]
        with pytest.raises(StopAsyncIteration):
            await anext(loop)

    asyncio.run(main())
    recorder.processes(3)


def test_an_overriding_anext_has_its_say(queue: Queue, recorder: Recorder) -> None:
    class Doubling(AsyncConsumer):
        async def __anext__(self) -> Any:
            record = await super().__anext__()
            return record.value, record.value

    async def main() -> list[Any]:
        return [pair async for pair in Doubling(queue, "orders")]

    assert asyncio.run(main()) == [(1, 1), (2, 2), (3, 3)]
    recorder.processes(3)


def test_tasks_have_process_spans_of_their_own(queue: Queue, recorder: Recorder) -> None:
    """Also where they share one consumer."""
    queue.fill("orders", *range(37))
    shared = AsyncConsumer(queue, "orders")

    async def consume(consumer: AsyncConsumer) -> list[tuple[int, int]]:
        mine = []
        async for _ in consumer:
            mine.append(current())
            for _ in range(3):
                await asyncio.sleep(0)
                assert current() == mine[-1]
        assert current() == (0, 0)
        return mine

    async def main() -> list[list[tuple[int, int]]]:
        return await asyncio.gather(*map(consume, [shared, shared, AsyncConsumer(queue, "orders")]))

    seen = [span for task in asyncio.run(main()) for span in task]
    assert sorted(seen) == sorted(ids(span) for span in recorder.processes(80))


def test_interleaved_loops_in_one_task_do_not_chain(queue: Queue, recorder: Recorder) -> None:
    queue.fill("refunds", 1, 2, 3)

    async def main() -> None:
        first, second = aiter(AsyncConsumer(queue, "orders")), aiter(AsyncConsumer(queue, "refunds"))
        async for _ in first:
            await anext(second)
        del first, second
        assert current() == (0, 0)

    asyncio.run(main())
    assert [parent(span) for span in (*recorder.processes(3, "orders"), *recorder.processes(3, "refunds"))] == [
        None
    ] * 6


def test_what_happens_while_a_loop_waits_is_in_no_process_span(queue: Queue, recorder: Recorder) -> None:
    class Slow(AsyncConsumer):
        async def __anext__(self) -> Any:
            assert not recorder.open("process")
            assert current() == (0, 0)
            return await super().__anext__()

    async def main() -> None:
        async for _ in Slow(queue, "orders"):
            assert current() != (0, 0)

    asyncio.run(main())
    recorder.processes(3)


def test_switched_off_in_the_middle_a_loop_goes_on_without_us(queue: Queue, library: Library) -> None:
    async def main() -> list[object]:
        consumer = AsyncConsumer(queue, "orders")
        with recording() as recorder:
            loop = aiter(consumer)
            seen = [(await anext(loop)).value]
        recorder.processes(1)
        return seen + [message.value async for message in loop]

    assert asyncio.run(main()) == [1, 2, 3]


def test_a_coroutine_function_stays_one(recorder: Recorder) -> None:
    for function in (AsyncProducer.send, AsyncConsumer.poll, AsyncConsumer.get, AsyncConsumer.commit):
        assert inspect.iscoroutinefunction(function)
    assert list(inspect.signature(AsyncProducer.send).parameters) == ["self", "topic", "value", "headers"]
    assert not inspect.iscoroutinefunction(AsyncConsumer.__aiter__)
