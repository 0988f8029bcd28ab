"""Patching replaces a function and puts the very original back, whoever else is there."""

from __future__ import annotations

import functools
import inspect
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from otel_eda.core.patching.patch import Patch, patch, resolve

if TYPE_CHECKING:
    from otel_eda.core.patching.patch import Function, Switch


class Base:
    def plain(self, value: int = 1) -> tuple[object, ...]:
        """Give both."""
        return type(self).__name__, value

    @classmethod
    def of_class(cls, value: int = 1) -> tuple[object, ...]:
        return cls.__name__, value

    @staticmethod
    def static(value: int = 1) -> tuple[object, ...]:
        return "static", value


class Inner(Base):
    def plain(self, value: int = 1) -> tuple[object, ...]:
        return super().plain(value + 100)


NAMES = ("plain", "of_class", "static")


def doubling(original: Function, switch: Switch) -> Function:
    def ours(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        return (*result, "ours") if switch.on else result

    return ours


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("by", [Base, Base()], ids=["by the class", "by an instance"])
def test_a_method_of_any_kind_is_wrapped(name: str, by: Any) -> None:
    if name == "plain" and by is Base:
        by = Base()
    before = getattr(by, name)(7)
    done = patch(Base, name, doubling)
    try:
        assert getattr(by, name)(7) == getattr(by, name)(value=7) == (*before, "ours")
    finally:
        done.undo()
    assert getattr(by, name)(7) == before


@pytest.mark.parametrize("name", NAMES)
def test_the_very_descriptor_is_put_back(name: str) -> None:
    original = Base.__dict__[name]
    done = patch(Base, name, doubling)
    assert Base.__dict__[name] is not original
    assert type(Base.__dict__[name]) is type(original)
    done.undo()
    assert Base.__dict__[name] is original


@pytest.mark.parametrize("name", NAMES[1:])
def test_an_inherited_method_is_patched_in_its_heir_alone(name: str) -> None:
    class Heir(Base): ...

    inherited = getattr(Heir(), name)()
    done = patch(Heir, name, doubling)
    assert getattr(Heir(), name)() == (*inherited, "ours")
    assert getattr(Base(), name)()[-1] != "ours"
    done.undo()
    assert name not in Heir.__dict__
    assert getattr(Heir(), name)() == inherited


def test_an_inherited_plain_method_is_patched_in_its_heir_alone() -> None:
    class Heir(Base): ...

    done = patch(Heir, "plain", doubling)
    assert Heir().plain() == ("Heir", 1, "ours")
    assert Base().plain() == ("Base", 1)
    done.undo()
    assert "plain" not in Heir.__dict__


def test_an_overriding_method_reaches_ours_through_super() -> None:
    done = patch(Base, "plain", doubling)
    assert Inner().plain() == ("Inner", 101, "ours")
    done.undo()
    assert Inner().plain() == ("Inner", 101)


def test_a_wrapper_looks_like_the_original() -> None:
    signature, about = inspect.signature(Base.plain), Base.plain.__doc__
    done = patch(Base, "plain", doubling)
    assert (inspect.signature(Base.plain), Base.plain.__doc__, Base.plain.__name__) == (signature, about, "plain")
    done.undo()


def test_a_function_of_a_module_is_wrapped() -> None:
    module = ModuleType("made")
    exec("def function(): return (1,)", module.__dict__)  # noqa: S102
    original = module.function
    done = patch(module, "function", doubling)
    assert module.function() == (1, "ours")
    done.undo()
    assert module.function is original


def foreign(owner: type, name: str) -> Function:
    """Have somebody else wrap what is there."""
    inner = getattr(owner, name)

    @functools.wraps(inner)
    def theirs(*args: Any) -> Any:
        return (*inner(*args), "theirs")

    setattr(owner, name, theirs)
    return theirs


def test_somebody_elses_wrapper_around_ours_stays_and_ours_only_passes_on() -> None:
    class Own(Base):
        def plain(self, value: int = 1) -> tuple[object, ...]:
            return "own", value

    done = patch(Own, "plain", doubling)
    theirs = foreign(Own, "plain")
    assert Own().plain(1) == ("own", 1, "ours", "theirs")
    done.undo()
    assert Own.__dict__["plain"] is theirs
    assert Own().plain(1) == ("own", 1, "theirs")


def test_patched_again_beneath_somebody_elses_wrapper_ours_is_there_once() -> None:
    class Own(Base):
        def plain(self, value: int = 1) -> tuple[object, ...]:
            return "own", value

    patch(Own, "plain", doubling).undo()
    first = patch(Own, "plain", doubling)
    foreign(Own, "plain")
    first.undo()
    second = patch(Own, "plain", doubling)
    assert Own().plain(1) == ("own", 1, "theirs", "ours")
    second.undo()
    assert Own().plain(1) == ("own", 1, "theirs")


def test_undoing_twice_is_once() -> None:
    original = Base.__dict__["plain"]
    done = patch(Base, "plain", doubling)
    done.undo()
    done.undo()
    assert Base.__dict__["plain"] is original


def test_a_missing_function_is_an_error() -> None:
    with pytest.raises(AttributeError):
        patch(Base, "nowhere", doubling)
    with pytest.raises(AttributeError, match=r"Base\.nowhere"):
        resolve(inspect.getmodule(Base) or ModuleType(""), "Base.nowhere")


def test_a_renamed_method_is_found_by_any_of_its_names() -> None:
    module = inspect.getmodule(Base)
    assert module is not None
    assert resolve(module, "Base.older|plain") == (Base, "plain")
    assert resolve(module, "Base.plain|static") == (Base, "plain")


def test_what_only_some_versions_have_may_be_missing() -> None:
    module = inspect.getmodule(Base)
    assert module is not None
    assert resolve(module, "Base.plain?") == (Base, "plain")
    assert resolve(module, "Base.nowhere?") is None
    assert resolve(module, "Nowhere.__init__?") is None


def test_a_patch_names_its_place() -> None:
    done: Patch = patch(Base, "plain", doubling)
    done.undo()
    assert done.place == f"{__name__}:Base.plain"
