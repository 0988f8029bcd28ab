"""What only pyee has: its own events, emitters joined by `uplift`, evented classes, other processes, cancellation."""

from __future__ import annotations

import asyncio
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import pyee.cls
import pytest
from opentelemetry.trace import SpanKind
from pyee.asyncio import AsyncIOEventEmitter
from pyee.base import EventEmitter
from pyee.executor import ExecutorEventEmitter
from pyee.uplift import uplift
from support.spans import attribute, failed, ids, parent

from otel_eda import semconv

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from support.recorder import Recorder


def names(spans: list[ReadableSpan]) -> list[str]:
    return [
        f"{span.name} {str(attribute(span, 'code.function.name') or '').rpartition('.')[2]}".strip() for span in spans
    ]


def unhandled(recorder: Recorder) -> list[object]:
    return [(point.attributes or {})["eda.event.type"] for point in recorder.points("eda.unhandled.events")]


async def done(emitter: Any) -> None:
    """Wait for all tasks, as its method `wait_for_complete` does, since 12."""
    await asyncio.wait(list(emitter._waiting))


def listener(*_: object) -> None: ...


def test_a_new_listener_is_an_event_for_those_who_listen_to_it(recorder: Recorder) -> None:
    emitter, told = EventEmitter(), list[Any]()

    def welcome(event: str, new: Any) -> None:
        told.append((event, new))

    emitter.on("new_listener", welcome)
    emitter.on("paid", listener)
    assert told == [("paid", listener)]
    assert names(recorder.ours()) == ["emit new_listener", "process new_listener welcome"]
    assert unhandled(recorder) == []


def test_an_error_that_nobody_listens_to_is_raised_and_unhandled(recorder: Recorder) -> None:
    error = KeyError("paid")
    with pytest.raises(KeyError) as caught:
        EventEmitter().emit("error", error)
    assert caught.value is error
    assert unhandled(recorder) == ["error"]


def test_an_error_of_a_listener_that_nobody_listens_to_leaves_emit(recorder: Recorder) -> None:
    emitter, error = AsyncIOEventEmitter(), KeyError("paid")

    def fail() -> None:
        raise error

    emitter.on("paid", fail)
    with pytest.raises(KeyError) as caught:
        emitter.emit("paid")
    assert caught.value is error
    dispatch, received = recorder.ours()
    assert (dispatch.name, received.name) == ("emit paid", "process paid")
    assert failed(dispatch)
    assert failed(received)
    assert unhandled(recorder) == ["error"]


def test_emitters_that_are_joined_claim_nothing_of_each_other(recorder: Recorder) -> None:
    below = EventEmitter()
    above = uplift(EventEmitter, below)
    below.on("paid", listener)
    assert above.emit("paid") is True
    assert above.emit("lost") is False
    assert names(recorder.ours()) == ["emit paid", "process paid listener"]
    assert unhandled(recorder) == []


def test_evented_classes_have_their_methods_names(recorder: Recorder) -> None:
    @pyee.cls.evented
    class Till:
        @pyee.cls.on("paid")
        def pay(self, value: int) -> None:
            self.paid = value

    till: Any = Till()
    till.event_emitter.emit("paid", 7)
    assert till.paid == 7
    assert names(recorder.ours()) == ["emit paid", "process paid pay"]


def test_a_listener_that_is_awaited_once_has_one_span(recorder: Recorder) -> None:
    async def run() -> None:
        emitter = AsyncIOEventEmitter()

        async def later(value: int) -> None:
            await asyncio.sleep(0)

        emitter.once("paid", later)
        emitter.emit("paid", 1)
        emitter.emit("paid", 2)
        await done(emitter)

    asyncio.run(run())
    assert names(recorder.ours()) == ["emit paid", "process paid later"]
    assert [span.kind for span in recorder.ours()] == [SpanKind.PRODUCER, SpanKind.CONSUMER]


def test_a_task_is_called_as_it_always_was(recorder: Recorder) -> None:
    async def run() -> str:
        emitter: Any = AsyncIOEventEmitter()

        async def later() -> None: ...

        emitter.on("paid", later)
        emitter.emit("paid")
        [task] = emitter._waiting
        await done(emitter)
        return str(task.get_coro().__qualname__)

    assert asyncio.run(run()).endswith("<locals>.later")


def test_cancelled_the_listener_tells_and_no_error_is_emitted(recorder: Recorder) -> None:
    async def run() -> None:
        emitter: Any = AsyncIOEventEmitter()

        async def wait() -> None:
            await asyncio.Event().wait()

        emitter.on("paid", wait)
        emitter.emit("paid")
        await asyncio.sleep(0)
        tasks = list(emitter._waiting)
        for task in tasks:
            task.cancel()  # which is what its method `cancel` does, since 12
        assert await asyncio.gather(*tasks, return_exceptions=True) != []

    asyncio.run(run())
    assert names(recorder.ours()) == ["emit paid", "process paid wait"]
    assert attribute(recorder.ours()[1], semconv.ABANDONED) is True


def double(value: int) -> int:
    return 2 * value


def test_another_process_gets_the_applications_own_function(recorder: Recorder) -> None:
    done: list[Any] = []

    class Pool(ProcessPoolExecutor):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
            assert pickle.loads(pickle.dumps(fn)) is double  # noqa: S301
            assert fn.__name__ == "double"
            future = super().submit(fn, *args, **kwargs)
            future.add_done_callback(lambda future: done.append(future.result()))
            return future

    with Pool(1, get_context("spawn")) as pool:
        emitter = ExecutorEventEmitter(pool)
        emitter.on("paid", double)
        assert emitter.emit("paid", 21) is True
    assert done == [42]
    assert names(recorder.ours()) == ["emit paid"]
    assert unhandled(recorder) == []


def test_an_emitter_can_be_pickled_as_ever(recorder: Recorder) -> None:
    emitter = EventEmitter()
    emitter.on("paid", double)
    emitter.emit("paid", 1)
    again = pickle.loads(pickle.dumps(emitter))  # noqa: S301
    assert again.listeners("paid") == [double]


def test_subclasses_are_covered(recorder: Recorder) -> None:
    class Loud(EventEmitter):
        def emit(self, event: str, *args: Any, **kwargs: Any) -> bool:
            return super().emit(event.lower(), *args, **kwargs)

        def _emit_run(self, f: Any, args: Any, kwargs: Any) -> None:
            super()._emit_run(f, args, kwargs)

    emitter = Loud()
    emitter.on("paid", listener)
    assert emitter.emit("PAID", 1) is True
    dispatch, received = recorder.ours()
    assert names([dispatch, received]) == ["emit paid", "process paid listener"]
    assert parent(received) == ids(dispatch)
