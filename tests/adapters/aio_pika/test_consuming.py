"""Messages that a loop or a pull gets, from connections of both kinds."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import aio_pika
import pytest
from aio_pika.exceptions import QueueEmpty
from support.spans import current, failed, ids, links, parent
from support.waiting import TaskBarrier

from .conftest import run, send

if TYPE_CHECKING:
    from support.recorder import Recorder
    from support.spans import Ids

    from .conftest import Broker


def loop(queue: Any, way: str) -> Any:
    return queue if way == "queue" else queue.iterator()


@pytest.mark.parametrize("way", ["queue", "iterator"])
def test_each_turn_of_a_loop_has_one_span(either: Broker, recorder: Recorder, way: str) -> None:
    seen: list[Ids] = []

    async def main() -> None:
        async with either.queue() as queue:
            await send(queue, b"1", b"2", b"3")
            async for message in loop(queue, way):
                seen.append(current())
                assert len(recorder.open("process")) == 1
                await message.ack()
                if len(seen) == 2:
                    break
            assert not recorder.open()

    run(main())
    spans = recorder.processes(2)
    assert [ids(span) for span in spans] == seen
    assert [parent(span) for span in spans] == [ids(span) for span in recorder.sends(3)[:2]]


def test_an_iterator_is_what_it_is_without_us(either: Broker, recorder: Recorder) -> None:
    async def main() -> None:
        async with either.queue() as queue:
            await send(queue, b"1")
            async with queue.iterator(timeout=5) as found:
                assert type(found).__module__.startswith("aio_pika.")
                async for message in found:
                    assert type(message) is aio_pika.IncomingMessage
                    await message.ack()
                    break

    run(main())
    recorder.processes(1)


def test_what_an_iterator_gives_back_unseen_is_not_settled_by_the_application(
    either: Broker, recorder: Recorder
) -> None:
    async def main() -> None:
        async with either.queue() as queue:
            await send(queue, *[b"1"] * 5)
            async with queue.iterator() as found:
                async for message in found:
                    await asyncio.sleep(0.05)  # the others come meanwhile
                    await message.ack()
                    break

    run(main())
    assert [span.name.partition(" ")[0] for span in recorder.settles(1)] == ["ack"]


def test_a_message_that_is_got_is_processed_until_the_next(either: Broker, recorder: Recorder) -> None:
    async def main() -> None:
        async with either.queue() as queue:
            await send(queue, b"1", b"2")
            for number in range(2):
                message = await queue.get()
                assert len(recorder.open("process")) == 1
                recorder.processes(number)
                assert message.body == f"{number + 1}".encode()

    run(main())
    assert [parent(span) for span in recorder.processes(2)] == [ids(span) for span in recorder.sends(2)]


def test_settling_what_was_got_is_within_its_processing(either: Broker, recorder: Recorder) -> None:
    async def main() -> None:
        async with either.queue() as queue:
            await send(queue, b"1")
            message = await queue.get()
            await message.ack()
            assert len(recorder.open("process")) == 1

    run(main())
    assert parent(recorder.settles(1)[0]) == ids(recorder.processes(1)[0])


def test_an_empty_queue_makes_no_span(either: Broker, recorder: Recorder) -> None:
    async def main() -> None:
        async with either.queue() as queue:
            assert await queue.get(fail=False) is None
            with pytest.raises(QueueEmpty):
                await queue.get()

    run(main())
    assert [span.name for span in recorder.ours() if not failed(span)] == []


def test_loops_of_two_tasks_do_not_see_each_other(either: Broker, recorder: Recorder) -> None:
    seen: dict[str, list[Ids]] = {}

    async def work(queue: Any, turn: TaskBarrier) -> None:
        async for message in queue:
            await turn.wait()
            seen.setdefault(queue.name, []).append(current())
            await turn.wait()
            await message.ack()
            if len(seen[queue.name]) == 3:
                break

    async def main() -> None:
        async with either.channel() as channel:
            queues = [await channel.get_queue(either.rabbitmq.queue()) for _ in range(2)]
            for queue in queues:
                await send(queue, *[b"1"] * 3)
            turn = TaskBarrier(2)
            await asyncio.gather(*(work(queue, turn) for queue in queues))

    run(main())
    for queue, spans in seen.items():
        assert spans == [ids(span) for span in recorder.processes(3, queue)]
        assert [parent(span) for span in recorder.processes(3, queue)] == [
            ids(span) for span in recorder.sends(3, queue)
        ]


def test_a_cancelled_loop_has_ended(either: Broker, recorder: Recorder) -> None:
    async def main() -> None:
        async with either.queue() as queue:
            began = asyncio.Event()

            async def work() -> None:
                async for _ in queue:
                    began.set()
                    await asyncio.sleep(100)

            await send(queue, b"1")
            task = asyncio.ensure_future(work())
            await began.wait()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            del task
            assert not recorder.open()

    run(main())
    assert links(recorder.processes(1)[0]) == [ids(recorder.sends(1)[0])]
