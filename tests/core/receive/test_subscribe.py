"""Deliveries to callbacks: each call is a process span."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.trace import SpanKind
from support.recorder import recording
from support.spans import attribute, current, exceptions, failed, ids, links, parent

from core.deliveries import CONSUMED, FIRST, SECOND, TAG, run
from core.tinyqueue import Channel, Consumer, Delivery, Producer, Queue
from otel_eda.core.process.processing import open_processings

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.recorder import Recorder

    from otel_eda.core import Library


def run_async(channel: Channel, callback: Callable[..., Any]) -> None:
    async def subscribed() -> None:
        assert await channel.subscribe_async("orders", callback) == "orders"
        await channel.run_async()

    asyncio.run(subscribed())


def test_a_call_is_a_span_that_is_current_in_it(channel: Channel, recorder: Recorder) -> None:
    seen = []
    run(channel, lambda *_: seen.append(current()))
    spans = recorder.processes(2)
    assert seen == [ids(span) for span in spans]
    assert {(span.name, span.kind) for span in spans} == {("process orders", SpanKind.CONSUMER)}
    assert [(parent(span), links(span)) for span in spans] == [(FIRST, [FIRST]), (SECOND, [SECOND])]
    assert [attribute(span, TAG) for span in spans] == [1, 2]
    assert current() == (0, 0)
    recorder.counted(CONSUMED, 2, "orders")


def test_an_exception_is_recorded_and_goes_on_as_it_is(channel: Channel, recorder: Recorder) -> None:
    error = LookupError("boom")

    def callback(*_: object) -> None:
        raise error

    with pytest.raises(LookupError) as caught:
        run(channel, callback)
    assert caught.value is error
    assert callback.__name__ in [entry.name for entry in caught.traceback]
    (span,) = recorder.processes(1)
    assert (failed(span), exceptions(span)) == (True, [("LookupError", "boom")])
    assert current() == (0, 0)


def test_the_library_holds_what_equals_the_applications_function(channel: Channel, recorder: Recorder) -> None:
    class Worker:
        def work(self, *_: object) -> None: ...

        def __call__(self, *_: object) -> None: ...

    worker = Worker()
    for callback in (run, worker.work, worker, functools.partial(run)):
        channel.subscribe("orders", callback)
        held, _ = channel.callbacks["orders"]
        assert held == callback
        assert hash(held) == hash(callback)
        assert isinstance(held, type(callback))
        assert inspect.iscoroutinefunction(held) is False


def test_arguments_are_the_very_ones(channel: Channel, recorder: Recorder) -> None:
    seen: list[tuple[object, ...]] = []
    channel.subscribe(callback=lambda *given: seen.append(given), topic="orders")
    channel.run()
    assert [(given[0] is channel, type(given[1]), given[2]) for given in seen] == [
        (True, Delivery, FIRST),
        (True, Delivery, SECOND),
    ]


def test_what_is_no_callback_is_the_librarys_to_refuse(channel: Channel, recorder: Recorder) -> None:
    wrong: Any = channel.subscribe
    for args in ((), ("orders",), ("orders", 7), ("orders", run, True, 7)):
        with pytest.raises(TypeError):
            wrong(*args)
    recorder.processes(0)


def test_a_callback_that_is_not_the_applications_is_left_alone(channel: Channel, recorder: Recorder) -> None:
    channel.subscribe("_inner", run)
    assert channel.callbacks["_inner"][0] is run


def test_a_coroutine_is_followed_to_its_end(channel: Channel, recorder: Recorder) -> None:
    seen = []

    async def callback(*_: object) -> None:
        assert len(recorder.open("process")) == 1
        await asyncio.sleep(0)
        seen.append(current())
        if len(seen) == 2:
            raise LookupError("boom")

    with pytest.raises(LookupError):
        run_async(channel, callback)
    assert inspect.iscoroutinefunction(channel.callbacks["orders"][0])
    spans = recorder.processes(2)
    assert seen == [ids(span) for span in spans]
    assert [failed(span) for span in spans] == [False, True]
    assert [parent(span) for span in spans] == [FIRST, SECOND]


def test_whatever_turns_out_to_be_async_is_followed(channel: Channel, recorder: Recorder) -> None:
    seen = []

    async def rest() -> None:
        await asyncio.sleep(0)
        seen.append(current())

    class Worker:
        async def __call__(self, *_: object) -> None:
            await rest()

    run_async(channel, lambda *_: rest())
    channel.queue.fill("orders", 3)
    run_async(channel, Worker())
    assert seen == [ids(span) for span in recorder.processes(3)]


def test_tasks_do_not_see_each_others_context(channel: Channel, recorder: Recorder) -> None:
    seen: dict[object, set[tuple[int, int]]] = {}

    async def callback(_: Channel, __: Delivery, value: object) -> None:
        for _turn in range(5):
            seen.setdefault(value, set()).add(current())
            await asyncio.sleep(0)

    async def both() -> None:
        channel.subscribe("orders", callback)
        handed, _ = channel.callbacks["orders"]
        taken = [channel._take("orders", auto=False) for _ in range(2)]
        await asyncio.gather(*[handed(channel, *one) for one in taken if one])
        assert current() == (0, 0)

    asyncio.run(both())
    first, second = recorder.processes(2)
    assert seen == {FIRST: {ids(first)}, SECOND: {ids(second)}}


def test_a_cancelled_callback_ends_its_span(channel: Channel, recorder: Recorder) -> None:
    async def callback(*_: object) -> None:
        await asyncio.sleep(60)

    async def cancelled() -> None:
        channel.subscribe("orders", callback)
        task = asyncio.ensure_future(channel.run_async())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    (span,) = recorder.processes(1)
    assert (attribute(span, "error.type"), attribute(span, "eda.process.abandoned")) == (None, True)


def test_a_send_in_a_callback_is_its_child(channel: Channel, recorder: Recorder) -> None:
    run(channel, lambda *_: Producer(Queue()).send("refunds"))
    assert [parent(span) for span in recorder.sends(2)] == [ids(span) for span in recorder.processes(2)]


def test_a_callback_within_a_pull_may_pull(channel: Channel, recorder: Recorder) -> None:
    inner = Queue()
    inner.fill("refunds", 1)

    class Driving(Consumer):
        def _next(self, topic: str) -> Any:
            channel.run()
            return super()._next(topic)

    consumers = Consumer(inner, "refunds"), Consumer(inner, "refunds"), Driving(inner, "refunds")
    pulls = iter(consumers)
    channel.subscribe("orders", lambda *_: next(pulls).__next__())
    consumers[-1].__next__()
    for consumer in consumers:
        consumer.close()
    recorder.processes(3, "refunds")


def test_registered_before_and_called_after(library: Library, channel: Channel) -> None:
    seen = []
    with recording() as recorder:
        channel.subscribe("orders", lambda *_: seen.append(current()))
    channel.run()
    assert seen == [(0, 0)] * 2
    assert recorder.ours() == []
    channel.queue.fill("orders", 3)
    with recording() as recorder:
        channel.run()
        recorder.processes(1)


def test_suppressed_a_call_is_just_a_call(channel: Channel, recorder: Recorder) -> None:
    with suppress_instrumentation():
        run(channel, lambda channel, delivery, _: channel.ack(delivery.tag))
    assert recorder.ours() == []


def test_a_coroutine_that_nobody_awaits_abandons_its_message(channel: Channel, recorder: Recorder) -> None:
    async def work() -> None:
        raise AssertionError

    with pytest.warns(RuntimeWarning, match=r"coroutine '.*<locals>\.work' was never awaited") as warned:
        run(channel, lambda *_: work())
    assert len(warned) == 2
    warned.clear()  # it keeps the coroutines
    gc.collect()
    spans = recorder.processes(2)
    assert [attribute(span, "eda.process.abandoned") for span in spans] == [True] * 2
    assert not open_processings


def test_a_channel_is_not_kept_alive(library: Library, queue: Queue) -> None:
    with recording():
        channel = Channel(queue)
        run(channel, lambda *_: None)
        gone = weakref.ref(channel)
        del channel
        gc.collect()
        assert gone() is None
