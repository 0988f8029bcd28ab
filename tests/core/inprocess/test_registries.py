"""Registries are switched on and off, by code and by `OTEL_EDA_REGISTRIES`."""

from __future__ import annotations

import importlib
import itertools
import sys
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation
from support.recorder import recording
from support.spans import ids

import otel_eda
from core.inprocess.application import ByClass, ByInstance, Event, Static, handlers, seeing, unhandled
from otel_eda.core.inprocess import registries
from otel_eda.core.runtime import guard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.recorder import Recorder

pytestmark = pytest.mark.usefixtures("unregistered")


def test_disabled_the_originals_are_back_and_handlers_only_pass_on(library: Any) -> None:
    originals = dict(vars(ByInstance)), dict(vars(ByClass)), dict(vars(Static))
    with recording() as recorder:
        for kind in (ByInstance, ByClass, Static):
            otel_eda.registry(kind)
        registry = ByInstance()
        registry.register("paid", seeing)
        registry.handle(Event("paid"))
        otel_eda.disable()
        assert (dict(vars(ByInstance)), dict(vars(ByClass)), dict(vars(Static))) == originals
        assert registry.handle(Event("paid")) == [(0, 0)]
        assert len(handlers(recorder)) == 1
        otel_eda.enable(recorder.tracer_provider, recorder.meter_provider)
        registry.handle(Event("paid"))
        assert len(handlers(recorder)) == 2


def test_named_twice_it_is_once(recorder: Recorder) -> None:
    registry = otel_eda.registry(otel_eda.registry(ByInstance))()
    registry.register("paid", seeing)
    registry.handle(Event("paid"))
    assert len(handlers(recorder)) == 1


def test_registered_twice_each_call_has_one_span(recorder: Recorder) -> None:
    registry, other = otel_eda.registry(ByInstance)(), ByInstance()
    registry.register("paid", seeing)
    other.register("paid", registry.handlers["paid"][0])
    other.handle(Event("paid"))
    assert len(handlers(recorder)) == 1


def test_suppressed_there_is_nothing(recorder: Recorder) -> None:
    registry = otel_eda.registry(ByInstance)()
    registry.register("paid", seeing)
    with suppress_instrumentation():
        assert registry.handle(Event("paid")) == [(0, 0)]
        registry.handle(Event("lost"))
    assert (handlers(recorder), unhandled(recorder)) == ([], [])


@pytest.mark.parametrize("names", [{"register": "nowhere"}, {"dispatch": "nowhere"}], ids=str)
@pytest.mark.parametrize("on", [True, False])
def test_a_missing_method_is_an_error_at_once_and_spoils_nothing(names: dict[str, str], on: bool, library: Any) -> None:
    with recording() as recorder:
        if not on:
            otel_eda.disable()
        with pytest.raises(AttributeError, match=r"no method 'nowhere'.*otel_eda\.registry"):
            otel_eda.registry(ByInstance, **names)
        otel_eda.disable()
        otel_eda.enable(recorder.tracer_provider, recorder.meter_provider)
        otel_eda.registry(ByInstance)
        assert [*registries.registries.all] == [ByInstance]


_numbers = itertools.count()
SOURCE = """
class Outer:
    class Bus:
        def __init__(self):
            self.all = {}
        def register(self, event_type, handler):
            self.all[event_type] = handler
        def handle(self, event):
            return self.all[event.event_type](event)
        on, emit = register, handle
Bus = Outer.Bus
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module with a registry, that nobody has imported."""
    name = f"application_{next(_numbers)}"
    tmp_path.joinpath(f"{name}.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    yield name
    sys.modules.pop(name, None)


@pytest.mark.parametrize(
    "text", ["{}:Bus", "{}:Outer.Bus", " {}:Bus() ; ", "{}:Bus(on, emit)", "{}:Bus(,emit,event_type)", "{}:Bus(on);"]
)
@pytest.mark.parametrize("early", [False, True], ids=["imported later", "imported before"])
def test_a_variable_is_enough(
    text: str, early: bool, module: str, library: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if early:
        importlib.import_module(module)
    with recording(strict=False) as recorder:
        monkeypatch.setenv("OTEL_EDA_REGISTRIES", text.format(module))
        otel_eda.enable(recorder.tracer_provider, recorder.meter_provider)
        assert (module in sys.modules) is early
        bus = importlib.import_module(module).Bus()
        register = bus.on if "on" in text.partition("(")[2] else bus.register
        dispatch_ = bus.emit if "emit" in text else bus.handle
        register("paid", seeing)
        assert dispatch_(Event("paid")) == ids(*handlers(recorder))


@pytest.mark.parametrize(
    "text", ["nonsense", "a.b.c", "a:b(c,d,e,f)", "a:b(c", ":", "{}:Bus(on);nonsense", "{}:Nowhere", "{}:Bus(nowhere)"]
)
def test_a_wrong_variable_is_logged_and_breaks_nothing(
    text: str, module: str, library: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with recording(strict=False, quiet=False) as recorder:
        for _ in range(2):
            monkeypatch.setenv("OTEL_EDA_REGISTRIES", text.format(module))
            otel_eda.enable(recorder.tracer_provider, recorder.meter_provider)
            bus = importlib.import_module(module).Bus()
            bus.register("paid", seeing)
            bus.handle(Event("paid"))
            otel_eda.disable()
            monkeypatch.delenv("OTEL_EDA_REGISTRIES")
            otel_eda.enable(recorder.tracer_provider, recorder.meter_provider)
            otel_eda.disable()
    assert {record.name for record in caplog.records} == {"otel_eda"}
    assert sum(guard.failures.values()) + ("is not of the form" in caplog.text) >= 1
