"""Classes that are made in C are patched as others are, and put back."""

from __future__ import annotations

import array
import datetime
import inspect
import sys
import threading
from contextlib import ExitStack
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from support.threads import beside

from otel_eda.core.patching.arguments import Arguments
from otel_eda.core.patching.immutable import is_immutable, mutable
from otel_eda.core.patching.patch import originals, patch

if TYPE_CHECKING:
    from otel_eda.core.patching.patch import Function, Switch

CASES: dict[str, Any] = {"heap": (array.array, "tolist", array.array("b", [2]))}
if sys.version_info < (3, 13):  # since then that class is one of CPython's own
    CASES["static"] = (datetime.timedelta, "total_seconds", datetime.timedelta(seconds=2))
EVERY = pytest.mark.parametrize(("kind", "name", "instance"), CASES.values(), ids=CASES)


def telling(original: Function, switch: Switch) -> Function:
    def told(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        return ["ours", result] if switch.on else result

    return told


@EVERY
def test_an_instance_made_before_is_patched(kind: type, name: str, instance: Any) -> None:
    bare = getattr(instance, name)()
    original = vars(kind)[name]
    done = patch(kind, name, telling)
    assert getattr(instance, name)() == ["ours", bare]
    done.undo()
    assert getattr(instance, name)() == bare
    assert vars(kind)[name] is original


@EVERY
def test_the_class_is_closed_again(kind: Any, name: str, instance: Any) -> None:
    patch(kind, name, telling).undo()
    assert is_immutable(kind)
    with pytest.raises(TypeError):
        kind.something = 1


def test_a_subclass_made_before_is_patched() -> None:
    class Own(array.array):  # type: ignore[type-arg]  # it can have one only since Python 3.12
        pass

    done = patch(array.array, "tolist", telling)
    found: list[Any] = Own("b", [1]).tolist()
    assert found == ["ours", [1]]
    done.undo()
    assert Own("b", [1]).tolist() == [1]


def test_a_special_method_is_patched() -> None:
    original = vars(array.array)["__add__"]
    one = array.array("b", [1])
    done = patch(array.array, "__add__", telling)
    assert one + one == ["ours", array.array("b", [1, 1])]
    done.undo()
    assert one + one == array.array("b", [1, 1])
    assert vars(array.array)["__add__"] is original


def test_a_call_that_was_made_often_sees_the_patch() -> None:
    one = array.array("b", [1])

    def ask() -> list[Any]:
        return one.tolist()

    for _ in range(1000):  # by then the interpreter has made the call a faster one
        ask()
    done = patch(array.array, "tolist", telling)
    assert ask() == ["ours", [1]]
    done.undo()
    assert ask() == [1]


def test_threads_that_call_meanwhile_see_either() -> None:
    one, seen, over = array.array("b", [1]), set[str](), threading.Event()

    def work() -> None:
        while not over.is_set():
            seen.add(str(one.tolist()))

    with ExitStack() as workers:
        for _ in range(4):
            workers.enter_context(beside(work, over.set))
        for _ in range(200):
            patch(array.array, "tolist", telling).undo()
    assert seen <= {"[1]", "['ours', [1]]"}


def test_a_wrapper_looks_like_the_original() -> None:
    def face() -> list[object]:
        function = array.array.tolist
        names = ("__name__", "__qualname__", "__doc__", "__module__", "__annotations__")
        return [inspect.signature(function), *(getattr(function, name, None) or None for name in names)]

    bare = face()
    done = patch(array.array, "tolist", telling)
    assert face() == bare
    done.undo()


def test_a_builtin_class_is_left_alone() -> None:
    before = dict(originals)
    with pytest.raises(TypeError):
        patch(list, "append", telling)
    assert is_immutable(list)
    assert originals == before


def test_what_is_not_immutable_needs_no_opening() -> None:
    with mutable(Fraction), mutable(inspect):
        pass
    assert not is_immutable(Fraction)


def test_a_signature_can_be_given() -> None:
    def function(*args: Any, **kwargs: Any) -> Any:
        return args, kwargs

    function.__qualname__ = "Made.function"
    arguments = Arguments(function, ("b", "c"), {"Made.function": "(self, a, b=..., *, c=None)"})
    assert arguments.take((0, 1, 2), {"c": 3}) == (2, 3)
    assert arguments.take((0,), {"a": 1}) == (..., None)
    assert arguments.replace((0, 1, 2), {}, "b", 5) == ((0, 1, 5), {})
    assert arguments.take((0,), {}) is None
