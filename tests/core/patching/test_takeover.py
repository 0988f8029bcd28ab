"""Beside an official instrumentation of the same library there is one set of spans."""

from __future__ import annotations

import logging
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]
from opentelemetry.instrumentation.utils import unwrap
from support.recorder import recording
from wrapt import wrap_function_wrapper

import otel_eda
from core.tinyqueue import Consumer, Producer, Queue

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from otel_eda.core import Library

MODULE = "core.nowhere"
calls: list[dict[str, Any]] = []


class TinyqueueInstrumentor(BaseInstrumentor):  # type: ignore[misc]  # it has no types
    """As official instrumentations are made; counts the sends that go through it."""

    sends = 0

    def instrumentation_dependencies(self) -> Collection[str]:
        return ()

    def _instrument(self, **kwargs: Any) -> None:
        def send(wrapped: Any, _: Producer, args: Any, kwargs: Any) -> Any:
            TinyqueueInstrumentor.sends += 1
            return wrapped(*args, **kwargs)

        calls.append(kwargs)
        wrap_function_wrapper("core.tinyqueue", "Producer.send", send)

    def _uninstrument(self, **_: Any) -> None:
        unwrap(Producer, "send")


@pytest.fixture(autouse=True)
def official(monkeypatch: pytest.MonkeyPatch) -> Iterator[type]:
    """Have their module imported, and their instrumentor off."""
    module = ModuleType(MODULE)
    module.TinyqueueInstrumentor = TinyqueueInstrumentor  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, MODULE, module)
    monkeypatch.setattr(TinyqueueInstrumentor, "sends", 0)
    monkeypatch.setattr(TinyqueueInstrumentor, "_instance", None)
    calls.clear()
    original = Producer.__dict__["send"]
    yield TinyqueueInstrumentor
    assert "instrument" not in TinyqueueInstrumentor.__dict__
    if TinyqueueInstrumentor().is_instrumented_by_opentelemetry:
        TinyqueueInstrumentor().uninstrument()
    assert Producer.__dict__["send"] is original


def sent() -> int:
    """Send a message; give how often it went through theirs."""
    before = TinyqueueInstrumentor.sends
    Producer(Queue()).send("orders")
    return TinyqueueInstrumentor.sends - before


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "otel_eda"]


def test_ours_first_theirs_is_kept_off_and_logged_once(library: Library, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with recording() as recorder:
        TinyqueueInstrumentor().instrument(skip_dep_check=True)
        assert sent() == 0
        recorder.sends(1)
        (line,) = told(caplog)
        assert line.startswith("otel-eda stands in for TinyqueueInstrumentor")
        assert "OTEL_EDA_TAKEOVER=0" in line


def test_theirs_first_theirs_is_taken_off(library: Library, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    TinyqueueInstrumentor().instrument()
    assert sent() == 1
    with recording() as recorder:
        assert sent() == 0
        recorder.sends(1)
    assert len(told(caplog)) == 1


@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_switched_off_theirs_is_as_it_would_be_without_us(library: Library, first: str) -> None:
    if first == "theirs":
        TinyqueueInstrumentor().instrument()
    with recording() as recorder:
        if first == "ours":
            TinyqueueInstrumentor().instrument(tracer_provider=recorder.tracer_provider, skip_dep_check=True)
        sent()
        recorder.sends(1)
    assert TinyqueueInstrumentor().is_instrumented_by_opentelemetry
    assert sent() == 1
    assert len(recorder.ours()) == 1
    assert calls[-1] == ({"tracer_provider": recorder.tracer_provider} if first == "ours" else {})


def test_theirs_that_nobody_wanted_stays_off(library: Library) -> None:
    with recording():
        assert sent() == 0
    assert not TinyqueueInstrumentor().is_instrumented_by_opentelemetry
    assert sent() == 0


def test_switched_on_and_off_again_it_is_the_same(library: Library) -> None:
    TinyqueueInstrumentor().instrument()
    for _ in range(3):
        with recording() as recorder:
            assert sent() == 0
            recorder.sends(1)
        assert sent() == 1


def test_theirs_that_was_switched_off_meanwhile_stays_off(library: Library) -> None:
    with recording():
        TinyqueueInstrumentor().instrument()
        TinyqueueInstrumentor().uninstrument()
    assert sent() == 0


@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_by_the_users_choice_theirs_is_left(
    library: Library, first: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    if first == "theirs":
        TinyqueueInstrumentor().instrument()
    with recording(quiet=False) as recorder:
        monkeypatch.setenv("OTEL_EDA_TAKEOVER", "0")
        otel_eda.config.reload()
        if first == "ours":
            TinyqueueInstrumentor().instrument()
        else:
            otel_eda.disable()
            otel_eda.enable(recorder.tracer_provider, recorder.meter_provider)
        assert sent() == 1
        assert len(Consumer(Queue(), "orders").poll()) == 0
        assert recorder.ours() == []
        assert not library.on
        assert told(caplog)[-1] == "otel-eda leaves this library to TinyqueueInstrumentor, as OTEL_EDA_TAKEOVER=0 says"
    assert sent() == 1


def test_by_the_users_choice_ours_is_on_where_theirs_is_not(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    with recording() as recorder:
        monkeypatch.setenv("OTEL_EDA_TAKEOVER", "0")
        otel_eda.config.reload()
        assert sent() == 0
        recorder.sends(1)
