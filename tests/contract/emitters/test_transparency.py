"""Order, results, exceptions and the receivers themselves are what they would be without us."""

from __future__ import annotations

import functools
import gc
import inspect
import weakref
from typing import TYPE_CHECKING, Any

import emitters
import pytest
from emitters.base import Has, How, receiver
from hypothesis import given, settings
from hypothesis import strategies as st
from support.recorder import Recorder, recording
from support.times import times

from contract.emitters.events import EVENT, Seen, emit, of_receivers, unhandled

if TYPE_CHECKING:
    from collections.abc import Callable

    from emitters.base import Emitter, EmitterDriver


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


class Hostile:
    """An event's name that can be a key and is good for nothing else."""

    def __str__(self) -> str:
        raise ZeroDivisionError

    __repr__ = __str__


@settings(max_examples=times(50))
@given(st.one_of(st.text(), st.integers(), st.binary(), st.none(), st.booleans(), st.builds(Hostile), st.just(Hostile)))
def test_any_event_goes_through(event: Any) -> None:
    with recording(strict=False, quiet=False):
        for kind in emitters.every():
            emitter = kind.emitter(How.CALL)
            values: list[object] = []
            note = receiver(How.CALL, values.append)
            emitter.on(event, note)
            assert emitter.receivers(event) == [note]
            emit(emitter, event, 1)
            assert values == [1], kind.name
