"""Events within the process: whatever calls the receivers, each has its span, and the application notices nothing."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import weakref
from functools import cache
from typing import TYPE_CHECKING, Any

import emitters
import pytest
from emitters.base import QUEUED, Has, How, receiver
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import baggage
from opentelemetry.context import attach, detach
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind
from support.recorder import Recorder, recording
from support.sabotage import WAYS, failures
from support.spans import attribute, current, exceptions, failed, ids, parent

import otel_eda

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from emitters.base import Emitter, EmitterDriver
    from opentelemetry.sdk.trace import ReadableSpan
    from support.spans import Ids

EVENT = "paid"
DISPATCH_KIND = {True: SpanKind.PRODUCER, False: SpanKind.INTERNAL}
RECEIVER_KIND = {True: SpanKind.CONSUMER, False: SpanKind.INTERNAL}


@cache
def every_driver() -> list[EmitterDriver]:
    return emitters.every()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Generate a test for each emitter that has what it needs, and for each way in which its receivers run."""
    needed = {value for marker in metafunc.definition.iter_markers("needs") for value in marker.args}
    fit = [driver for driver in every_driver() if needed.isdisjoint(driver.cannot)]
    if "how" in metafunc.fixturenames:
        cases = [(driver, how) for driver in fit for how in driver.hows]
        metafunc.parametrize(("kind", "how"), cases, ids=[f"{driver.name}-{how.value}" for driver, how in cases])
    elif "kind" in metafunc.fixturenames:
        metafunc.parametrize("kind", fit, ids=[driver.name for driver in fit])


@pytest.fixture
def emitter(kind: EmitterDriver, how: How) -> Iterator[Emitter]:
    made = kind.emitter(how)
    yield made
    made.close()


@pytest.fixture
def recorder(kind: EmitterDriver) -> Iterator[Recorder]:
    with recording() as made:
        yield made
        assert not made.open()


class Seen:
    """Receivers that note the span they run in."""

    def __init__(self, how: How) -> None:
        self.spans: list[Ids] = []
        self.values: list[Any] = []
        self.receive = receiver(how, self._note)

    def _note(self, value: Any) -> Any:
        self.spans.append(current())
        self.values.append(value)
        return value


def emit(emitter: Emitter, event: str = EVENT, value: Any = None) -> Any:
    return asyncio.run(emitter.emit(event, value))


def of_receivers(recorder: Recorder) -> list[ReadableSpan]:
    return [span for span in recorder.ours() if span.name.startswith("process ")]


def of_dispatch(kind: EmitterDriver, recorder: Recorder) -> list[ReadableSpan]:
    found = [span for span in recorder.ours() if span.name.startswith(f"{kind.verb} ")]
    return found if Has.DISPATCH not in kind.cannot else []


def unhandled(recorder: Recorder) -> list[object]:
    return [(point.attributes or {})["eda.event.type"] for point in recorder.points("eda.events.unhandled")]


# --- Spans --------------------------------------------------------------------------------------------------------


def test_each_receiver_has_its_span(kind: EmitterDriver, how: How, emitter: Emitter, recorder: Recorder) -> None:
    seen = [Seen(how) for _ in range(3)]
    for one in seen:
        emitter.on(EVENT, one.receive)
    with recorder.tracer.start_as_current_span("cause") as cause:
        emit(emitter, value=1)
    spans = of_receivers(recorder)
    assert [span.name for span in spans] == ["process paid"] * 3
    assert sorted(ids(span) for span in spans) == sorted(found for one in seen for found in one.spans)
    assert {span.kind for span in spans} == {RECEIVER_KIND[how in QUEUED]}
    above = of_dispatch(kind, recorder)
    if above:
        [dispatch] = above
        assert (dispatch.name, dispatch.kind) == (f"{kind.verb} paid", DISPATCH_KIND[how in QUEUED])
        assert parent(dispatch) == ids(cause)  # type: ignore[arg-type]  # the SDK's spans are readable
    assert {parent(span) for span in spans} == {ids(above[0]) if above else ids(cause)}  # type: ignore[arg-type]
    assert len(recorder.ours()) == 3 + len(above)
    assert current() == (0, 0)


def test_spans_say_what_they_are_of(kind: EmitterDriver, how: How, emitter: Emitter, recorder: Recorder) -> None:
    seen = Seen(how)
    emitter.on(EVENT, seen.receive)
    emit(emitter)
    [span] = of_receivers(recorder)
    function = f"{seen.receive.__module__}.{seen.receive.__qualname__}"
    expected = {"eda.event.type": EVENT, "code.function.name": function}
    assert (dict(span.attributes or {}), failed(span)) == (expected, False)
    for dispatch in of_dispatch(kind, recorder):
        assert (dict(dispatch.attributes or {}), failed(dispatch)) == ({"eda.event.type": EVENT}, False)
    assert recorder.count("eda.handler.duration") == 1
    [point] = recorder.points("eda.handler.duration")
    assert dict(point.attributes or {}) == expected


def test_what_a_receiver_emits_is_below_it(kind: EmitterDriver, how: How, recorder: Recorder) -> None:
    first, second = kind.emitter(how), kind.emitter(kind.hows[0])
    inner = Seen(kind.hows[0])
    second.on("shipped", inner.receive)
    outer = receiver(how, lambda _: drive(second.emit("shipped")))
    first.on(EVENT, outer)
    emit(first)
    first.close()
    [received], [shipped] = ([s for s in of_receivers(recorder) if s.name.endswith(n)] for n in (EVENT, "shipped"))
    by_id = {ids(span): span for span in recorder.ours()}
    above = parent(shipped)
    assert above is not None
    if Has.DISPATCH not in kind.cannot:
        above = parent(by_id[above])
    assert above == ids(received)


def drive(coroutine: Any) -> bool:
    """Run a coroutine that never waits."""
    with pytest.raises(StopIteration):
        coroutine.send(None)
    return True


def test_the_cause_and_its_baggage_reach_every_receiver(how: How, emitter: Emitter, recorder: Recorder) -> None:
    found: list[object] = []
    note = receiver(how, lambda _: found.append(baggage.get_baggage("shop")))
    emitter.on(EVENT, note)
    token = attach(baggage.set_baggage("shop", "7"))
    emit(emitter)
    detach(token)
    assert found == ["7"]


def test_unsampled_receivers_are_counted_all_the_same(kind: EmitterDriver, how: How, emitter: Emitter) -> None:
    seen = Seen(how)
    emitter.on(EVENT, seen.receive)
    with recording(sampler=ALWAYS_OFF) as recorder:
        emit(emitter)
        assert recorder.ours() == []
        if kind.library != "registries":  # its receivers were registered too early
            assert recorder.count("eda.handler.duration") == 1


# --- Transparency -------------------------------------------------------------------------------------------------


def story(kind: EmitterDriver, how: How) -> list[Any]:
    """Tell everything that an application sees of three receivers."""
    emitter = kind.emitter(how)
    order: list[int] = []
    told: list[Any] = []

    def body(number: int, value: Any) -> Any:
        order.append(number)
        return number, value

    receivers = [receiver(how, functools.partial(body, number)) for number in range(3)]
    told += [emitter.on(EVENT, one) is one for one in receivers]
    for value in (1, None, "x"):
        result = emit(emitter, value=value)
        if isinstance(result, list) and result and isinstance(result[0], tuple) and callable(result[0][0]):
            told.append([([one is each for one in receivers].index(True), value) for each, value in result])
        else:
            told.append(result)
    told.append(list(order))
    told.append(emit(emitter, "lost"))
    if Has.LISTING not in kind.cannot:
        known = emitter.receivers(EVENT)
        told.append([any(one == each for each in known) for one in receivers])
        emitter.off(EVENT, receivers[1])
        told.append(len(emitter.receivers(EVENT)))
        told.append(emit(emitter) is None)
    emitter.close()
    return [sorted(each, key=str) if isinstance(each, list) else each for each in told]  # signals keep no order


def test_the_application_sees_what_it_always_saw(kind: EmitterDriver, how: How) -> None:
    bare = story(kind, how)
    with recording() as recorder:
        assert story(kind, how) == bare
        assert len(of_receivers(recorder)) == 3 * 3 + 2


def _append(order: list[int], number: int, _: object) -> None:
    order.append(number)


def test_receivers_run_in_the_order_in_which_they_always_ran(kind: EmitterDriver, how: How, emitter: Emitter) -> None:
    order: list[int] = []
    receivers = [receiver(how, functools.partial(_append, order, number)) for number in range(20)]
    for one in receivers:
        emitter.on(EVENT, one)
    emit(emitter)
    bare, order[:] = list(order), []
    with recording():
        emit(emitter)
    assert order == bare


def test_bad_calls_raise_what_the_library_raises(kind: EmitterDriver) -> None:
    def raised() -> dict[str, object]:
        return {case: outcome(call) for case, call in kind.bad_calls().items()}

    def outcome(call: Callable[[], object]) -> object:
        try:
            return call()
        except Exception as error:
            return type(error), error.args, type(error.__cause__), type(error.__context__)

    bare = raised()
    assert bare
    with recording():
        assert raised() == bare


def face(function: Any) -> tuple[object, ...]:
    names = ("__name__", "__qualname__", "__module__", "__doc__", "__annotations__")
    kinds = (inspect.isroutine, inspect.iscoroutinefunction, inspect.isgeneratorfunction)
    told = [getattr(function, name, None) for name in names]
    return inspect.signature(function), inspect.getsource(function), *told, *(kind(function) for kind in kinds)


def test_functions_look_the_same(kind: EmitterDriver) -> None:
    def faces() -> dict[str, Any]:
        return {f"{owner.__qualname__}.{name}": face(getattr(owner, name)) for owner, name in functions}

    kind.emitter(kind.hows[0]).close()
    with recording(only=[]):
        functions = [
            (owner, name) for owner in kind.classes for name in vars(owner) if inspect.isfunction(vars(owner)[name])
        ]
        before, bare = [dict(vars(owner)) for owner in kind.classes], faces()
    with recording():
        assert [dict(vars(owner)) for owner in kind.classes] != before
        assert faces() == bare
    assert [dict(vars(owner)) for owner in kind.classes] == before


@pytest.mark.needs(Has.LISTING)
def test_a_receiver_is_removed_by_the_applications_own_function(how: How, emitter: Emitter, recorder: Recorder) -> None:
    seen, other = Seen(how), Seen(how)
    emitter.on(EVENT, seen.receive)
    emitter.on(EVENT, other.receive)
    emitter.off(EVENT, seen.receive)
    emit(emitter, value=1)
    assert (seen.values, other.values) == ([], [1])
    assert emitter.receivers(EVENT) == [other.receive]


@pytest.mark.needs(Has.WEAK)
def test_a_receiver_dies_when_the_application_drops_it(how: How, emitter: Emitter, recorder: Recorder) -> None:
    note = receiver(how, lambda _: None)
    emitter.on(EVENT, note)
    emit(emitter, value=1)
    known = weakref.ref(note)
    del note
    assert known() is None
    emit(emitter, value=2)
    assert len(of_receivers(recorder)) == 1
    assert unhandled(recorder) == [EVENT]


@pytest.mark.needs(Has.ONCE)
def test_a_receiver_of_one_event_has_one_span_of_its_own_name(how: How, emitter: Emitter, recorder: Recorder) -> None:
    seen = Seen(how)
    assert emitter.once(EVENT, seen.receive) is seen.receive
    assert emitter.receivers(EVENT) == [seen.receive]
    emit(emitter, value=1)
    emit(emitter, value=2)
    assert seen.values == [1]
    [span] = of_receivers(recorder)
    assert ids(span) == seen.spans[0]
    assert attribute(span, "code.function.name") == f"{seen.receive.__module__}.{seen.receive.__qualname__}"
    assert unhandled(recorder) == [EVENT]


def test_nothing_is_kept_of_an_event(how: How, emitter: Emitter, recorder: Recorder) -> None:
    class Value: ...

    note = receiver(how, lambda _: None)
    emitter.on(EVENT, note)
    value = Value()
    known = weakref.ref(value)
    emit(emitter, value=value)
    del value
    gc.collect()
    assert known() is None


# --- Errors -------------------------------------------------------------------------------------------------------


class BoomError(Exception):
    """What a receiver raises."""


def test_an_exception_goes_where_it_always_went(
    kind: EmitterDriver, how: How, emitter: Emitter, recorder: Recorder
) -> None:
    error = BoomError("no")
    caught: list[object] = []

    def fail(_: object) -> None:
        raise error

    failing, catching = receiver(how, fail), Seen(how)
    emitter.on(EVENT, failing)
    if how in QUEUED:
        emitter.on("error", catching.receive)
        emit(emitter)
        caught += catching.values
    else:
        with pytest.raises(BoomError) as raised:
            emit(emitter)
        caught.append(raised.value)
    assert caught == [error]
    [span] = [span for span in of_receivers(recorder) if span.name == "process paid"]
    assert failed(span)
    assert exceptions(span) == [(f"{__name__}.BoomError", "no")]
    [point] = [point for point in recorder.points("eda.handler.duration") if "error.type" in (point.attributes or {})]
    assert (point.attributes or {})["error.type"] == attribute(span, "error.type") == f"{__name__}.BoomError"
    for dispatch in of_dispatch(kind, recorder)[:1]:
        assert failed(dispatch) is (how not in QUEUED)
    assert current() == (0, 0)


@pytest.mark.needs(Has.ERRORS)
def test_the_event_of_an_error_is_below_the_receiver_that_failed(
    how: How, emitter: Emitter, recorder: Recorder
) -> None:
    if how not in QUEUED:
        return  # there the application emits it, wherever it likes
    failing, catching = receiver(how, lambda _: 1 / 0), Seen(how)
    emitter.on(EVENT, failing)
    emitter.on("error", catching.receive)
    emit(emitter)
    spans = {span.name: span for span in recorder.ours()}
    assert parent(spans["emit error"]) == ids(spans["process paid"])
    assert catching.spans == [ids(spans["process error"])]


def test_an_event_without_receivers_is_told_and_counted(
    kind: EmitterDriver, how: How, emitter: Emitter, recorder: Recorder
) -> None:
    seen = Seen(how)
    emitter.on(EVENT, seen.receive)
    with recorder.tracer.start_as_current_span("cause"):
        emit(emitter, "lost")
        emit(emitter)
    [cause] = recorder.own("cause")
    assert [(event.name, dict(event.attributes or {})) for event in cause.events] == [
        ("eda.event.unhandled", {"eda.event.type": "lost"})
    ]
    assert unhandled(recorder) == ["lost"]
    assert {attribute(span, "eda.event.type") for span in recorder.ours()} == {EVENT}


@pytest.mark.parametrize("way", WAYS)
def test_whatever_fails_of_ours_events_go_through(kind: EmitterDriver, how: How, way: str) -> None:
    if way in {"inject", "extract"}:
        return  # an event in the process has no headers
    failures.clear()
    error = BoomError()

    def fail(_: object) -> None:
        raise error

    with WAYS[way]() as options, recording(strict=False, quiet=False, **options):
        emitter, seen, failing = kind.emitter(how), Seen(how), receiver(how, fail)
        emitter.on(EVENT, seen.receive)
        emitter.on("refused", failing)
        emit(emitter, value=1)
        emit(emitter, "lost")
        if how in QUEUED:
            emitter.on("error", seen.receive)
            emit(emitter, "refused")
        else:
            with pytest.raises(BoomError) as caught:
                emit(emitter, "refused")
            assert caught.value is error
        emitter.close()
    assert seen.values == ([1, error] if how in QUEUED else [1])
    assert failures


class Hostile:
    """An event's name that can be a key and is good for nothing else."""

    def __str__(self) -> str:
        raise ZeroDivisionError

    __repr__ = __str__


@settings(max_examples=300)
@given(st.one_of(st.text(), st.integers(), st.binary(), st.none(), st.booleans(), st.builds(Hostile), st.just(Hostile)))
def test_any_event_goes_through(event: Any) -> None:
    with recording(strict=False, quiet=False):
        for kind in every_driver():
            emitter = kind.emitter(How.CALL)
            values: list[object] = []
            note = receiver(How.CALL, values.append)
            emitter.on(event, note)
            assert emitter.receivers(event) == [note]
            emit(emitter, event, 1)
            assert values == [1], kind.name


# --- On and off ---------------------------------------------------------------------------------------------------


def test_receivers_from_before_have_spans_too_and_afterwards_there_are_none(
    kind: EmitterDriver, how: How, emitter: Emitter
) -> None:
    seen = Seen(how)
    emitter.on(EVENT, seen.receive)
    emit(emitter)
    with recording() as recorder:
        emit(emitter)
        assert len(of_receivers(recorder)) == (kind.library != "registries")
    emit(emitter)
    assert len(of_receivers(recorder)) == (kind.library != "registries")
    assert [found == (0, 0) for found in seen.spans] == [True, kind.library == "registries", True]


def test_suppressed_there_is_nothing(how: How, emitter: Emitter, recorder: Recorder) -> None:
    seen = Seen(how)
    emitter.on(EVENT, seen.receive)
    with suppress_instrumentation():
        emit(emitter)
        emit(emitter, "lost")
    assert recorder.ours() == []
    assert (len(seen.spans), unhandled(recorder)) == (1, [])


def test_switched_off_within_a_receiver_what_is_open_ends(how: How, kind: EmitterDriver) -> None:
    with recording() as recorder:
        emitter = kind.emitter(how)
        off = receiver(how, lambda _: otel_eda.disable())
        emitter.on(EVENT, off)
        emit(emitter)
        emitter.close()
        assert not recorder.open()
        assert len(of_receivers(recorder)) == 1
    assert current() == (0, 0)


# --- Tasks --------------------------------------------------------------------------------------------------------


def in_tasks(*coroutines: Callable[[], Any]) -> None:
    async def run() -> None:
        await asyncio.gather(*(asyncio.create_task(each()) for each in coroutines))

    asyncio.run(run())


def test_tasks_never_see_each_others_context(how: How, kind: EmitterDriver, recorder: Recorder) -> None:
    emitter = kind.emitter(how)
    inside: list[tuple[Any, Ids]] = []
    before: dict[int, Ids] = {}

    async def later(value: Any) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
            inside.append((value, current()))

    note: Any = later if how in {How.AWAIT, How.TASK} else lambda value: inside.append((value, current()))
    emitter.on(EVENT, note)

    async def one(number: int) -> None:
        with recorder.tracer.start_as_current_span(f"cause {number}") as span:
            before[number] = ids(span)  # type: ignore[arg-type]
            for _ in range(3):
                await emitter.emit(EVENT, number)
                assert current() == ids(span)  # type: ignore[arg-type]
                await asyncio.sleep(0)

    in_tasks(*(functools.partial(one, number) for number in range(4)))
    emitter.close()
    spans = {ids(span): span for span in recorder.ours()}
    assert len(inside) == 4 * 3 * (3 if how in {How.AWAIT, How.TASK} else 1)
    for number, found in inside:
        above = parent(spans[found])
        if Has.DISPATCH not in kind.cannot:
            above = parent(spans[above])  # type: ignore[index]
        assert above == before[number]


@pytest.mark.parametrize("started", [True, False])
@pytest.mark.filterwarnings("error")
def test_a_cancelled_receiver_ends_its_span(how: How, kind: EmitterDriver, recorder: Recorder, started: bool) -> None:
    if how not in {How.AWAIT, How.TASK}:
        return  # nothing to cancel
    emitter = kind.emitter(how)

    async def wait(_: object) -> None:
        await asyncio.Event().wait()

    emitter.on(EVENT, wait)

    async def run() -> None:
        task = asyncio.create_task(emitter.emit(EVENT))
        for _ in range(3 if started else 0):
            await asyncio.sleep(0)
        waiting = getattr(emitter.native, "_waiting", ())
        for each in [*waiting, task]:
            each.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    gc.collect()
    spans = of_receivers(recorder)
    assert len(spans) == started
    assert [str(attribute(span, "error.type")).rpartition(".")[2] for span in spans] == ["CancelledError"] * started
