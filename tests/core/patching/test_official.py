"""What an official instrumentation is asked for, ours does: providers, hooks, single clients."""

from __future__ import annotations

import logging
import sys
from dataclasses import replace
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from support.recorder import Recorder, recording

import otel_eda
from core.tinyqueue import Consumer, Producer, Queue
from otel_eda.core import Hooks, Official

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from otel_eda.core import Library

MODULE = "core.nowhere"
called: list[Any] = []


class Proxied:
    """A producer that the official instrumentation has wrapped."""

    def __init__(self, producer: Producer) -> None:
        self.producer = producer

    def send(self, *args: Any) -> Any:
        return TinyqueueInstrumentor.wrap_send(self.producer.send, self, args, {})


class TinyqueueInstrumentor:
    """As official instrumentations are made, as far as settings go."""

    is_instrumented_by_opentelemetry = False
    sends = 0

    def instrument(self, **_: Any) -> None:
        """Patch nothing."""

    def uninstrument(self) -> None:
        """Patch nothing."""

    @staticmethod
    def instrument_producer(producer: Producer, tracer_provider: Any = None, send_hook: Any = None) -> Any:  # noqa: ARG004
        return Proxied(producer)

    @staticmethod
    def uninstrument_producer(producer: Producer) -> Producer:
        return producer

    @staticmethod
    def wrap_send(original: Callable[..., Any], _: Any, args: Any, kwargs: Any) -> Any:
        TinyqueueInstrumentor.sends += 1
        return original(*args, **kwargs)


def bridge(settings: Mapping[str, Any]) -> Hooks:
    hook = settings.get("send_hook")
    return Hooks(hook and (lambda span, call: hook(span, call.args, call.kwargs)))


def send_hook(_: Any, args: Any, kwargs: Any) -> None:
    called.append((args, kwargs))


@pytest.fixture(autouse=True)
def official(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the library's official instrumentation be the one above."""
    module = ModuleType(MODULE)
    module.TinyqueueInstrumentor = TinyqueueInstrumentor  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, MODULE, module)
    monkeypatch.setattr(TinyqueueInstrumentor, "sends", 0)
    spec = Official(
        f"{MODULE}:TinyqueueInstrumentor",
        client={"instrument_producer": True},
        no_client=("uninstrument_producer",),
        quiet=("wrap_send",),
    )
    made = replace(library, official=spec, official_hooks=bridge)
    monkeypatch.setitem(otel_eda.suite.LIBRARIES, library.name, made)
    called.clear()


@pytest.fixture
def given() -> Iterator[Recorder]:
    """Where the provider that the official instrumentation is given leads."""
    made = Recorder()
    yield made
    made.shutdown()


def exchange(queue: Queue) -> None:
    Producer(queue).send("orders", "a")
    for _ in Consumer(queue, "orders"):
        pass


def test_its_provider_is_ours_for_the_library(given: Recorder) -> None:
    with recording() as recorder:
        TinyqueueInstrumentor().instrument(tracer_provider=given.tracer_provider)
        exchange(Queue())
        assert [span.name for span in given.ours()] == ["send orders", "process orders"]
        assert recorder.ours() == []
        assert recorder.count("messaging.client.sent.messages") == 1  # it was given no meter provider


def test_its_meter_provider_is_ours_for_the_library(given: Recorder) -> None:
    with recording() as recorder:
        TinyqueueInstrumentor().instrument(meter_provider=given.meter_provider)
        exchange(Queue())
        assert given.count("messaging.client.sent.messages") == 1
        assert recorder.count("messaging.client.sent.messages") == 0
        recorder.sends(1)


def test_its_hooks_are_called(given: Recorder) -> None:
    with recording():
        TinyqueueInstrumentor().instrument(send_hook=send_hook)
        Producer(Queue()).send("orders", value="a")
    assert called == [(("orders",), {"value": "a"})]


def test_hooks_of_ours_are_called_where_it_has_none() -> None:
    ours: list[Any] = []
    with recording(hooks=Hooks(lambda *_: called.append(1), lambda _, record: ours.append(record.value))):
        TinyqueueInstrumentor().instrument(send_hook=send_hook)
        exchange(Queue())
    assert (called, ours) == ([(("orders", "a"), {})], ["a"])


def test_switched_off_by_itself_everything_is_as_enabled(given: Recorder) -> None:
    with recording() as recorder:
        TinyqueueInstrumentor().instrument(tracer_provider=given.tracer_provider, send_hook=send_hook)
        TinyqueueInstrumentor().uninstrument()
        exchange(Queue())
        recorder.sends(1)
        recorder.processes(1)
        otel_eda.disable()
    assert (given.ours(), called) == ([], [])


def test_one_client_has_a_provider_and_hooks_of_its_own(given: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    queue = Queue()
    with recording() as recorder:
        one, other = Producer(queue), Producer(queue)
        assert TinyqueueInstrumentor.instrument_producer(one, given.tracer_provider, send_hook=send_hook) is one
        one.send("orders", "a")
        other.send("orders", "b")
        assert [span.name for span in given.ours()] == ["send orders"]
        recorder.sends(1)
        assert recorder.count("messaging.client.sent.messages") == 2
        TinyqueueInstrumentor.uninstrument_producer(one)
        one.send("orders", "c")
        recorder.sends(2)
    assert called == [(("orders", "a"), {})]
    assert "stands in for TinyqueueInstrumentor" in caplog.text


def test_one_client_has_spans_where_no_other_has(given: Recorder) -> None:
    with recording(quiet=False) as recorder:
        otel_eda.disable()
        otel_eda.enable()  # with the global providers, of which there are none
        one, other = Producer(Queue()), Producer(Queue())
        other.send("orders")
        TinyqueueInstrumentor.instrument_producer(one, given.tracer_provider)
        one.send("orders")
        other.send("orders")
        assert len(given.ours()) == 1
    assert recorder.ours() == []


def test_a_client_that_it_wrapped_before_makes_no_second_set_of_spans() -> None:
    wrapped = TinyqueueInstrumentor.instrument_producer(Producer(Queue()))
    assert isinstance(wrapped, Proxied)
    with recording() as recorder:
        wrapped.send("orders")
        recorder.sends(1)
        assert TinyqueueInstrumentor.sends == 0
    wrapped.send("orders")
    assert TinyqueueInstrumentor.sends == 1


def test_by_the_users_choice_it_instruments_single_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    with recording(quiet=False) as recorder:
        monkeypatch.setenv("OTEL_EDA_TAKEOVER", "0")
        otel_eda.config.reload()
        wrapped = TinyqueueInstrumentor.instrument_producer(Producer(Queue()))
        wrapped.send("orders")
    assert (TinyqueueInstrumentor.sends, recorder.ours()) == (1, [])


def test_a_call_that_it_refuses_is_refused() -> None:
    with recording(), pytest.raises(TypeError):
        TinyqueueInstrumentor.instrument_producer()  # type: ignore[call-arg]
