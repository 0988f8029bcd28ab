"""`around` begins before a call of the original and ends after it; all else is the original's own."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

import pytest

from otel_eda.core.patching.around import Call, around
from otel_eda.core.patching.patch import Switch
from otel_eda.core.runtime import guard

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    Function = Callable[..., Any]

KINDS = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])


class Noted(Call):
    """A call that writes down what happens to it."""

    __slots__ = ("notes",)

    def __init__(self, notes: list[object], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        super().__init__(args, kwargs)
        self.notes = notes
        notes.append("begin")

    def exited(self, error: BaseException | None) -> None:
        self.notes.append(("end", error))

    def returned(self, result: Any) -> Any:
        self.notes.append(("returned", result))
        return super().returned(result)


def driven(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Return a coroutine's result, without an event loop, which has exceptions of its own."""
    try:
        while True:
            coroutine.send(None)
    except StopIteration as stop:
        return stop.value


class World:
    """An original, its wrapper, the switch between them, and what has happened in order."""

    def __init__(self, is_async: bool, call: Callable[..., Call | None] = Noted, error: BaseException | None = None):
        self.notes: list[Any] = []
        self.switch = Switch()
        self.error = error
        self.call = call
        self.wrapper = around(self._original_async if is_async else self._original, self.switch, self._begin)

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Call the wrapper, and run the coroutine that it returns if the original is a coroutine function."""
        result = self.wrapper(*args, **kwargs)
        return driven(result) if inspect.iscoroutinefunction(self.wrapper) else result

    def _begin(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        return self.call(self.notes, args, kwargs)

    def _original(self, *args: Any, **kwargs: Any) -> Any:
        self.notes.append((args, kwargs))
        if self.error is not None:
            raise self.error
        return "result"

    async def _original_async(self, *args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(0)
        return self._original(*args, **kwargs)


@KINDS
def test_a_call_is_surrounded(is_async: bool) -> None:
    world = World(is_async)
    assert world.run(1, more=2) == "result"
    assert world.notes == ["begin", ((1,), {"more": 2}), ("returned", "result"), ("end", None)]


@KINDS
def test_the_wrapper_is_of_the_originals_kind(is_async: bool) -> None:
    assert inspect.iscoroutinefunction(World(is_async).wrapper) is is_async


@KINDS
def test_the_original_gets_the_arguments_of_the_surrounding(is_async: bool) -> None:
    world = World(is_async, lambda notes, args, kwargs: Noted(notes, (*args, "header"), {**kwargs, "context": 3}))
    world.run(1, more=2)
    assert world.notes[1] == ((1, "header"), {"more": 2, "context": 3})


@KINDS
def test_the_result_may_be_replaced(is_async: bool) -> None:
    class Replacing(Noted):
        def returned(self, result: Any) -> Any:
            return f"traced {super().returned(result)}"

    assert World(is_async, Replacing).run() == "traced result"


@KINDS
def test_where_there_is_nothing_to_do_the_original_gets_the_very_arguments(is_async: bool) -> None:
    world, argument = World(is_async, lambda *_: None), object()
    assert world.run(argument, more=argument) == "result"
    ((args, kwargs),) = world.notes
    assert args[0] is kwargs["more"] is argument


@KINDS
def test_where_the_begin_fails_the_original_gets_the_very_arguments_and_the_failure_is_counted(is_async: bool) -> None:
    def failing(*_: Any) -> None:
        raise ZeroDivisionError

    world = World(is_async, failing)
    assert world.run(1, more=2) == "result"
    assert world.notes == [((1,), {"more": 2})]
    assert guard.failures == {f"{__name__}.World._begin": 1}


@KINDS
def test_switched_off_nothing_begins(is_async: bool) -> None:
    world = World(is_async)
    world.switch.on = False
    assert world.run(1) == "result"
    assert world.notes == [((1,), {})]


@KINDS
def test_what_began_ends_though_it_was_switched_off_meanwhile(is_async: bool) -> None:
    def switch_off(*call: Any) -> Call:
        world.switch.on = False
        return Noted(*call)

    world = World(is_async, switch_off)
    assert world.run(1) == "result"
    assert world.notes[-2:] == [("returned", "result"), ("end", None)]


@KINDS
@pytest.mark.parametrize("error", [ValueError("no"), asyncio.CancelledError(), GeneratorExit()], ids=repr)
def test_an_exception_ends_the_call_and_passes_unchanged(is_async: bool, error: BaseException) -> None:
    world = World(is_async, error=error)
    with pytest.raises(type(error)) as caught:
        world.run(1)
    assert caught.value is error
    assert (error.__cause__, error.__context__) == (None, None)
    assert world.notes == ["begin", ((1,), {}), ("end", error)]


@KINDS
def test_an_exception_of_a_call_that_nothing_surrounds_passes_unchanged(is_async: bool) -> None:
    world = World(is_async, lambda *_: None, KeyError("no"))
    with pytest.raises(KeyError) as caught:
        world.run()
    assert caught.value is world.error


def test_an_async_call_begins_when_it_is_awaited() -> None:
    world = World(is_async=True)
    coroutine = world.wrapper(1)
    assert world.notes == []
    coroutine.close()
    assert world.notes == []


def test_an_async_call_that_is_given_up_ends() -> None:
    world = World(is_async=True)
    coroutine = world.wrapper(1)
    coroutine.send(None)
    assert world.notes == ["begin"]
    coroutine.close()
    (_, (name, error)) = world.notes
    assert (name, type(error)) == ("end", GeneratorExit)
