"""`@otel_eda.handler` on whatever can be called."""

# ruff: noqa: ARG002, ARG003, ARG004  # a handler gets an event, whether it looks at it or not
from __future__ import annotations

import asyncio
import copy
import functools
import inspect
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.trace import SpanKind
from support.recorder import recording
from support.spans import attribute, current, failed, ids, parent

import otel_eda

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from support.recorder import Recorder


class Paid:
    """An event."""


async def current_later() -> tuple[int, int]:
    await asyncio.sleep(0)
    return current()


def plain(event: object, more: int = 0) -> tuple[int, int]:
    """Say where it runs."""
    return current()


async def later(event: object) -> tuple[int, int]:
    return await current_later()


class Shop:
    @otel_eda.handler
    def method(self, event: object) -> tuple[int, int]:
        return current()

    @otel_eda.handler
    async def async_method(self, event: object) -> tuple[int, int]:
        return await current_later()

    @staticmethod
    @otel_eda.handler
    def static(event: object) -> tuple[int, int]:
        return current()

    @classmethod
    @otel_eda.handler
    def of_class(cls, event: object) -> tuple[int, int]:
        assert cls is Shop
        return current()


class Callable:
    def __call__(self, event: object) -> tuple[int, int]:
        return current()


class AsyncCallable:
    async def __call__(self, event: object) -> tuple[int, int]:
        return await current_later()


WAYS: dict[str, tuple[Any, str]] = {
    "function": (otel_eda.handler(plain), "plain"),
    "lambda": (otel_eda.handler(lambda _: current()), "<lambda>"),
    "async function": (otel_eda.handler(later), "later"),
    "method": (Shop().method, "Shop.method"),
    "async method": (Shop().async_method, "Shop.async_method"),
    "static method": (Shop.static, "Shop.static"),
    "class method": (Shop.of_class, "Shop.of_class"),
    "partial": (otel_eda.handler(functools.partial(plain, more=1)), "plain"),
    "async partial": (otel_eda.handler(functools.partial(later)), "later"),
    "callable": (otel_eda.handler(Callable()), "Callable"),
    "async callable": (otel_eda.handler(AsyncCallable()), "AsyncCallable"),
    "lambda that gives a coroutine": (otel_eda.handler(lambda _: current_later()), "<lambda>"),
}


def call(function: Any, event: object) -> tuple[int, int]:
    async def run() -> tuple[int, int]:
        result: Any = function(event)
        seen: tuple[int, int] = await result if inspect.isawaitable(result) else result
        return seen

    return asyncio.run(run())


def one(recorder: Recorder) -> ReadableSpan:
    (span,) = recorder.ours()
    return span


@pytest.mark.parametrize("way", WAYS)
def test_a_span_is_around_the_whole_call(way: str, recorder: Recorder) -> None:
    function, name = WAYS[way]
    seen = call(function, Paid())
    span = one(recorder)
    assert (ids(span), span.name, span.kind) == (seen, "process Paid", SpanKind.INTERNAL)
    assert str(attribute(span, "code.function.name")).endswith(name)
    assert recorder.count("eda.handler.duration") == 1


def test_a_handler_looks_like_the_users_function() -> None:
    made = otel_eda.handler(plain)
    assert (made.__name__, made.__doc__, made.__module__) == ("plain", "Say where it runs.", __name__)
    assert inspect.signature(made) == inspect.signature(plain)
    assert made is plain
    assert inspect.getsource(made).startswith("def plain(")
    assert pickle.loads(pickle.dumps(made)) is copy.deepcopy(made) is plain  # noqa: S301
    assert inspect.iscoroutinefunction(otel_eda.handler(later))
    assert not inspect.iscoroutinefunction(made)


def test_made_twice_it_is_once(recorder: Recorder) -> None:
    made = otel_eda.handler(plain)
    assert otel_eda.handler(made) is made
    made(Paid())
    assert len(recorder.ours()) == 1


def test_the_name_of_the_events_type_can_be_chosen(recorder: Recorder) -> None:
    made = otel_eda.handler(event_type="kind")(plain)
    made({"kind": "paid"})
    assert one(recorder).name == "process paid"


@pytest.mark.parametrize(("args", "kwargs"), [((), {}), ((), {"event": Paid()})], ids=["nothing", "by name"])
def test_arguments_may_be_given_in_any_way(args: Any, kwargs: Any, recorder: Recorder) -> None:
    def function(event: object = None) -> object:
        return event

    assert otel_eda.handler(function)(*args, **kwargs) is kwargs.get("event")
    assert one(recorder).name == ("process Paid" if kwargs else "process unknown")


def test_an_exception_is_raised_as_it_is(recorder: Recorder) -> None:
    error = ValueError()

    @otel_eda.handler
    def fail(_: object) -> None:
        raise error

    with pytest.raises(ValueError) as caught:  # noqa: PT011
        fail(Paid())
    assert caught.value is error
    assert failed(one(recorder))
    assert current() == (0, 0)


def test_a_cancelled_task_is_recorded_and_stays_cancelled(recorder: Recorder) -> None:
    @otel_eda.handler
    async def wait(_: object) -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        task = asyncio.create_task(wait(Paid()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    span = one(recorder)
    assert (attribute(span, "error.type"), attribute(span, "eda.process.abandoned")) == (None, True)


def test_a_handler_within_a_handler_is_a_child_with_its_own_event(recorder: Recorder) -> None:
    inner = otel_eda.handler(plain)
    outer = otel_eda.handler(lambda _: inner({"event_type": "shipped"}))
    seen = outer(Paid())
    first, second = recorder.ours()
    assert [first.name, second.name] == ["process Paid", "process shipped"]
    assert (ids(second), parent(second)) == (seen, ids(first))


def test_a_handler_within_a_registrys_handler_has_its_own_event(recorder: Recorder) -> None:
    class Registry:
        def __init__(self) -> None:
            self.handlers: list[Any] = []

        def register(self, handler: Any) -> None:
            self.handlers.append(handler)

        def handle(self, event: object) -> None:
            for handler in self.handlers:
                handler(event)

    registry, inner = otel_eda.registry(Registry)(), otel_eda.handler(plain)
    registry.register(lambda _: inner({"event_type": "shipped"}))
    registry.handle(Paid())
    assert [span.name for span in recorder.ours()] == ["process Paid", "process shipped"]


def test_disabled_it_only_passes_on(library: Any) -> None:
    made = otel_eda.handler(plain)
    with recording() as recorder:
        made(Paid())
        otel_eda.disable()
        assert made(Paid()) == (0, 0)
        assert len(recorder.ours()) == 1


def test_an_event_whose_type_cannot_be_read_is_handled_all_the_same(
    library: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Hostile:
        def __getattr__(self, name: str) -> object:
            raise ZeroDivisionError

    with recording(strict=False, quiet=False) as recorder:
        assert otel_eda.handler(lambda _: "handled")(Hostile()) == "handled"
        (span,) = recorder.ours()
    assert span.name == "process Hostile"
    assert not caplog.records
