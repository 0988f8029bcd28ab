"""What a registry is handed is the application's own function."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from support.spans import current, ids

import otel_eda
from core.inprocess.application import ByInstance, Event, handlers, seeing

if TYPE_CHECKING:
    from support.recorder import Recorder

pytestmark = pytest.mark.usefixtures("unregistered")


def test_a_handler_is_unregistered_by_the_users_own_function(recorder: Recorder) -> None:
    registry = otel_eda.registry(ByInstance)()
    registry.register("paid", seeing)
    assert registry.handlers == {"paid": [seeing]}
    assert hash(registry.handlers["paid"][0]) == hash(seeing)
    registry.unregister("paid", seeing)
    assert registry.handlers == {"paid": []}


class Weak:
    """Holds functions weakly, and methods as Django's signals do, each once; finds them by identity."""

    def __init__(self) -> None:
        self.receivers: dict[object, Any] = {}

    @staticmethod
    def identity(receiver: Any) -> object:
        return (id(receiver.__self__), id(receiver.__func__)) if hasattr(receiver, "__self__") else id(receiver)

    def register(self, *receivers: Any) -> None:
        for receiver in receivers:
            kind: Any = weakref.WeakMethod if hasattr(receiver, "__self__") else weakref.ref
            self.receivers.setdefault(self.identity(receiver), kind(receiver))

    def unregister(self, receiver: Any) -> bool:
        return self.receivers.pop(self.identity(receiver), None) is not None

    def handle(self, event: object) -> list[Any]:
        return [receiver(event) for one in list(self.receivers.values()) if (receiver := one())]


class Screen:
    def show(self, _: object) -> tuple[int, int]:
        return current()


def weak() -> Weak:
    otel_eda.registry(Weak)
    return Weak()


def test_a_function_that_is_held_weakly_lives_as_long_as_it_does(recorder: Recorder) -> None:
    registry = weak()

    def shown(_: object) -> tuple[int, int]:
        return current()

    registry.register(shown)
    gc.collect()
    assert registry.handle(Event("paid")) == [ids(*handlers(recorder))]
    del shown
    gc.collect()
    assert registry.handle(Event("paid")) == []


def test_a_method_may_be_held_weakly(recorder: Recorder) -> None:
    registry, screen = weak(), Screen()
    registry.register(screen.show)
    assert registry.handle(Event("paid")) == [ids(*handlers(recorder))]
    assert registry.unregister(screen.show)


def test_a_handler_is_registered_once_and_found_again(recorder: Recorder) -> None:
    registry = weak()
    registry.register(seeing)
    registry.register(seeing)
    assert registry.handle(Event("paid")) == [ids(*handlers(recorder))]
    assert registry.unregister(seeing)
    assert registry.receivers == {}


def test_each_of_several_callables_is_seen(recorder: Recorder) -> None:
    registry, screen = weak(), Screen()
    registry.register(seeing, screen.show)
    seen = registry.handle(Event("paid"))
    assert seen == [ids(span) for span in handlers(recorder)]
    assert len({*seen}) == 2


def test_a_closure_that_holds_itself_is_freed(recorder: Recorder) -> None:
    registry = weak()

    def made() -> Any:
        def shown(_: object) -> Any:
            return shown

        return shown

    shown = made()
    registry.register(shown)
    kept = weakref.ref(shown)
    del shown
    gc.collect()
    assert kept() is None


def test_switched_off_a_handler_has_its_own_code_back(recorder: Recorder) -> None:
    registry = weak()

    def shown(_: object) -> tuple[int, int]:
        return current()

    before = shown.__code__
    registry.register(shown)
    assert shown.__code__ is not before
    otel_eda.disable()
    assert shown.__code__ is before
    otel_eda.enable(recorder.tracer_provider, recorder.meter_provider)
    assert registry.handle(Event("paid")) == [ids(*handlers(recorder))]
