"""Messages that a callback gets, from connections of both kinds."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import aio_pika
import pytest
from opentelemetry.trace import SpanKind
from support.spans import attribute, current, failed, ids, parent
from support.waiting import TaskBarrier

from otel_eda import semconv

from .conftest import run, send

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.recorder import Recorder
    from support.spans import Ids

    from .conftest import Broker

TAG = "messaging.rabbitmq.message.delivery_tag"


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


def test_callbacks_at_once_do_not_see_each_other(either: Broker, recorder: Recorder) -> None:
    seen: list[tuple[Ids, Ids]] = []

    async def main() -> None:
        async with either.queue() as queue:
            turn, done = TaskBarrier(3), asyncio.Event()

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
    [process] = recorder.processes(1)
    assert (attribute(process, semconv.ABANDONED), failed(process)) == (True, False)
