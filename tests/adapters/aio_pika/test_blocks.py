"""`async with message.process():` is the processing of a message where no callback or loop is around it."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import context
from support.spans import attribute, exceptions, failed, ids, links, parent

from .conftest import run, send

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from support.recorder import Recorder

    from .conftest import Broker

    Body = Callable[[Any], Awaitable[None]]


class BoomError(Exception):
    pass


async def callback(queue: Any, body: Body) -> None:
    done = asyncio.Event()

    async def call(message: Any) -> None:
        try:
            await body(message)
        finally:
            done.set()

    tag = await queue.consume(call)
    await done.wait()
    await queue.cancel(tag)


async def loop(queue: Any, body: Body) -> None:
    async for message in queue:
        await body(message)
        break


async def pull(queue: Any, body: Body) -> None:
    await body(await queue.get())


async def worker(queue: Any, body: Body) -> None:
    """A callback hands messages over to a task that was there before."""
    given: asyncio.Queue[Any] = asyncio.Queue()

    async def work() -> None:
        before = context.get_current()
        await body(await given.get())
        assert context.get_current() == before

    task = asyncio.ensure_future(work())
    tag = await queue.consume(given.put)
    await task
    await queue.cancel(tag)


WAYS = pytest.mark.parametrize("way", [callback, loop, pull, worker])


@WAYS
def test_the_block_is_within_a_process_span(either: Broker, recorder: Recorder, way: Any) -> None:
    async def body(message: Any) -> None:
        async with message.process() as entered:
            assert entered is message
            with recorder.tracer.start_as_current_span("work"):
                pass

    async def main() -> None:
        async with either.queue() as queue:
            await send(queue, b"1")
            await way(queue, body)
            assert await queue.get(fail=False) is None

    run(main())
    [process] = recorder.processes(1)
    assert parent(recorder.own("work")[0]) == ids(process)
    assert (links(process), failed(process)) == ([ids(recorder.sends(1)[0])], False)
    [ack] = recorder.settles(1)
    assert (ack.name.split()[0], parent(ack)) == ("ack", ids(process))
    assert links(ack) == [ids(recorder.sends(1)[0])]


@WAYS
@pytest.mark.parametrize("handled", [False, True])
def test_its_exception_is_recorded(either: Broker, recorder: Recorder, way: Any, handled: bool) -> None:
    error = BoomError("boom")

    async def body(message: Any) -> None:
        try:
            async with message.process():
                raise error
        except BoomError:
            if not handled:
                raise

    async def main() -> None:
        async with either.queue() as queue:
            await send(queue, b"1")
            # Of a callback's exceptions the library tells nobody.
            raised = nullcontext() if handled or way is callback else pytest.raises(BoomError)
            with raised as caught:
                await way(queue, body)
            assert caught is None or caught.value is error

    run(main())
    [process] = recorder.processes(1)
    assert (failed(process), process.status.description) == (True, "boom")
    assert [message for _, message in exceptions(process)] == ["boom"]
    [reject] = recorder.settles(1)
    assert (reject.name.split()[0], attribute(reject, "eda.settle.requeue")) == ("reject", False)
    assert not failed(reject)


@pytest.mark.parametrize(("attempts", "options"), [(2, {"requeue": True, "reject_on_redelivered": True}), (1, {})])
def test_attempts_are_as_many_as_the_options_say(
    either: Broker, recorder: Recorder, attempts: int, options: dict[str, bool]
) -> None:
    async def main() -> None:
        async with either.queue() as queue:
            await send(queue, b"1")
            for _ in range(attempts):
                message = await queue.get()
                with pytest.raises(BoomError):
                    async with message.process(**options):
                        raise BoomError
            assert await queue.get(fail=False) is None

    run(main())
    assert [failed(span) for span in recorder.processes(attempts)] == [True] * attempts
    requeued = [attribute(span, "eda.settle.requeue") for span in recorder.settles(attempts)]
    assert requeued == [True] * (attempts - 1) + [False]


def test_what_was_settled_within_is_left_alone(either: Broker, recorder: Recorder) -> None:
    async def main() -> None:
        async with either.queue() as queue:
            await send(queue, b"1")
            async for message in queue:
                async with message.process(ignore_processed=True):
                    await message.nack(requeue=False)
                break

    run(main())
    assert [span.name.split()[0] for span in recorder.settles(1)] == ["nack"]
    assert not failed(recorder.processes(1)[0])


def test_it_works_switched_off(either: Broker) -> None:
    async def main() -> None:
        async with either.queue() as queue:
            await send(queue, b"1")
            async with (await queue.get()).process():
                pass
            assert await queue.get(fail=False) is None

    run(main())
