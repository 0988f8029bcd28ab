"""Messages that come in: to callbacks, loops and pulls, from connections of both kinds."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import aio_pika
import pytest
from aio_pika.exceptions import QueueEmpty
from opentelemetry.trace import SpanKind
from support.spans import attribute, current, failed, ids, links, parent, qualified

from .conftest import run, send

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.recorder import Recorder
    from support.spans import Ids

    from .conftest import Broker

TAG = "messaging.rabbitmq.message.delivery_tag"
KEY = "messaging.rabbitmq.destination.routing_key"


class Handler:
    """What an application may register: it notes the spans that it runs in."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.seen: list[Ids] = []
        self.done = asyncio.Event()

    async def method(self, message: Any, pause: float = 0) -> None:
        await asyncio.sleep(pause)
        self.seen.append(current())
        await message.ack()
        if len(self.seen) == self.count:
            self.done.set()

    async def __call__(self, message: Any) -> None:
        await self.method(message)


CALLBACKS: dict[str, Callable[[Handler], Any]] = {
    "method": lambda handler: handler.method,
    "partial": lambda handler: partial(handler.method, pause=0.01),
    "object": lambda handler: handler,
    "function": lambda handler: lambda message: handler.method(message, 0.01),
}


@pytest.mark.filterwarnings("ignore:You probably registering the non-coroutine function:DeprecationWarning")
@pytest.mark.parametrize("callback", CALLBACKS.values(), ids=CALLBACKS)
def test_each_call_of_a_callback_has_one_span(
    either: Broker, recorder: Recorder, callback: Callable[[Handler], Any]
) -> None:
    seen: list[Ids] = []

    async def main() -> None:
        async with either.queue() as queue:
            await send(queue, b"1", b"2")
            handler = Handler(2)
            tag = await queue.consume(callback(handler))
            await handler.done.wait()
            await queue.cancel(tag)
            seen.extend(handler.seen)

    run(main())
    spans = recorder.processes(2)
    assert [ids(span) for span in spans] == seen
    assert [parent(span) for span in spans] == [ids(span) for span in recorder.sends(2)]
    assert {span.kind for span in spans} == {SpanKind.CONSUMER}
    assert [attribute(span, TAG) for span in spans] == [1, 2]
    assert not any(failed(span) for span in spans)


def test_a_callback_is_the_applications_own_to_who_restores_it(broker: Broker, recorder: Recorder) -> None:
    async def main() -> None:
        async with await aio_pika.connect_robust(broker.url) as connection:
            queue = await (await connection.channel()).declare_queue(exclusive=True)
            handler = Handler(1)
            tag = await queue.consume(handler.method)
            kept = queue._consumers[tag]["callback"]
            assert (kept, type(kept)) == (handler.method, type(handler.method))

    run(main())


def test_a_failed_callback_is_recorded(either: Broker, recorder: Recorder) -> None:
    async def main() -> None:
        async with either.queue() as queue:
            called = asyncio.Event()

            async def callback(_: Any) -> None:
                called.set()
                raise LookupError("no such card")

            await send(queue, b"1")
            await queue.consume(callback)
            await called.wait()
            await asyncio.sleep(0)

    run(main())
    [span] = recorder.processes(1)
    assert (failed(span), attribute(span, "error.type")) == (True, "LookupError")
    assert span.status.description == "no such card"


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


def test_settling_what_was_got_ends_its_processing(either: Broker, recorder: Recorder) -> None:
    async def main() -> None:
        async with either.queue() as queue:
            await send(queue, b"1")
            message = await queue.get()
            await message.ack()
            assert not recorder.open()

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

    async def work(queue: Any, turn: Turns) -> None:
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
            turn = Turns(2)
            await asyncio.gather(*(work(queue, turn) for queue in queues))

    run(main())
    for queue, spans in seen.items():
        assert spans == [ids(span) for span in recorder.processes(3, queue)]
        assert [parent(span) for span in recorder.processes(3, queue)] == [
            ids(span) for span in recorder.sends(3, queue)
        ]


class Turns:
    """A barrier, which asyncio has since Python 3.11."""

    def __init__(self, parties: int) -> None:
        self.parties = parties
        self.waiting: list[asyncio.Future[None]] = []

    async def wait(self) -> None:
        self.waiting.append(asyncio.get_running_loop().create_future())
        mine = self.waiting[-1]
        if len(self.waiting) == self.parties:
            for future in self.waiting:
                future.set_result(None)
            self.waiting = []
        await mine


def test_callbacks_at_once_do_not_see_each_other(either: Broker, recorder: Recorder) -> None:
    seen: list[tuple[Ids, Ids]] = []

    async def main() -> None:
        async with either.queue() as queue:
            turn, done = Turns(3), asyncio.Event()

            async def callback(message: Any) -> None:
                before = current()
                await turn.wait()
                seen.append((before, current()))
                await message.ack()
                if len(seen) == 3:
                    done.set()

            await send(queue, b"1", b"2", b"3")
            await queue.consume(callback)
            await done.wait()
            await asyncio.sleep(0)

    run(main())
    assert {before for before, _ in seen} == {ids(span) for span in recorder.processes(3)}
    assert all(before == after for before, after in seen)
    assert [parent(span) for span in recorder.settles(3)] == [before for before, _ in seen]


def test_a_connection_opened_in_a_span_does_not_adopt_what_comes_later(either: Broker, recorder: Recorder) -> None:
    async def main() -> None:
        with recorder.tracer.start_as_current_span("start"):
            connection = await either.connect(either.url)
        async with connection:
            channel = await connection.channel()
            queue = await channel.get_queue(either.rabbitmq.queue())
            handler = Handler(1)
            await send(queue, b"1")
            await queue.consume(handler.method)
            await handler.done.wait()

    run(main())
    assert parent(recorder.processes(1)[0]) == ids(recorder.sends(1)[0])


def test_a_cancelled_callback_has_ended(either: Broker, recorder: Recorder) -> None:
    async def main() -> None:
        async with either.queue() as queue:
            called: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

            async def callback(_: Any) -> None:
                called.set_result(asyncio.current_task())
                await asyncio.sleep(100)

            await send(queue, b"1")
            await queue.consume(callback)
            task = await called
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            assert not recorder.open()

    run(main())
    assert attribute(recorder.processes(1)[0], "error.type") == qualified(asyncio.CancelledError)


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
