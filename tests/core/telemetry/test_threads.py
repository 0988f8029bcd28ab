"""Threads that begin together all have spans: none is told that nothing records while another makes the scope."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import metrics, trace
from support.forking import in_child
from support.recorder import Recorder

import otel_eda
from core.tinyqueue import Producer, Queue
from otel_eda.core.runtime.locks import PatientLock
from otel_eda.core.telemetry import providers
from otel_eda.core.telemetry.providers import Telemetry

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import MeterProvider

    from otel_eda.core import Library

pytestmark = pytest.mark.usefixtures("many_turns")
THREADS = 8
SLOW = 0.05  # seconds a provider takes: a busy machine, made small


class SlowMeters:
    """A meter provider that takes its time."""

    def __init__(self, provider: MeterProvider) -> None:
        self.provider = provider

    def get_meter(self, *args: Any, **kwargs: Any) -> Any:
        time.sleep(SLOW)
        return self.provider.get_meter(*args, **kwargs)


def test_the_first_message_of_each_thread_has_a_span(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(metrics._internal, "_METER_PROVIDER", None)
    recorder, together = Recorder(), threading.Barrier(THREADS)

    def send(_: int) -> None:
        producer = Producer(Queue())
        together.wait()
        producer.send("sent", 0)

    otel_eda.enable(only=[library.name])
    try:
        monkeypatch.setattr(metrics._internal, "_METER_PROVIDER", SlowMeters(recorder.meter_provider))
        monkeypatch.setattr(trace, "_TRACER_PROVIDER", recorder.tracer_provider)
        time.sleep(0.002)  # an SDK that comes late is looked for once a millisecond
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(send, range(THREADS)))
    finally:
        otel_eda.disable()
    recorder.sends(THREADS)
    assert recorder.count("messaging.client.sent.messages") == THREADS
    recorder.shutdown()


def test_one_of_the_libraries_that_begin_together_is_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder, found = Recorder(), [Telemetry(f"library {number}") for number in range(THREADS)]
    together, first, meters = threading.Barrier(THREADS), [], SlowMeters(recorder.meter_provider)
    monkeypatch.setattr(providers, "watchers", [lambda _, __, is_first: first.append(is_first)])

    def begin(telemetry: Telemetry) -> None:
        together.wait()
        telemetry.set_providers(recorder.tracer_provider, meters)  # type: ignore[arg-type]  # it does as one

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(begin, found))
    scopes = [telemetry.scope for telemetry in found]
    assert None not in scopes
    assert sorted(first) == [False] * (THREADS - 1) + [True]
    recorder.shutdown()


def test_other_providers_take_the_place_of_those_before_without_a_gap() -> None:
    first, second, telemetry = Recorder(), Recorder(), Telemetry("test")
    telemetry.set_providers(first.tracer_provider, first.meter_provider)
    gaps: list[object] = []
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            if telemetry.scope is None:
                gaps.append("nothing records")

    thread = threading.Thread(target=look)
    thread.start()
    for recorder in [first, second] * 50:
        telemetry.set_providers(recorder.tracer_provider, recorder.meter_provider)
    over.set()
    thread.join()
    assert not gaps
    first.shutdown()
    second.shutdown()


def test_a_provider_that_sends_messages_itself_is_asked_once(library: Library) -> None:
    recorder, telemetry = Recorder(), Telemetry("test")
    asked: list[object] = []

    class Sending(SlowMeters):
        def get_meter(self, *args: Any, **kwargs: Any) -> Any:
            asked.append(telemetry.find_scope())
            return super().get_meter(*args, **kwargs)

    meters: Any = Sending(recorder.meter_provider)
    telemetry.set_providers(recorder.tracer_provider, meters)
    assert telemetry.scope is not None
    assert asked == [None]
    recorder.shutdown()


def test_threads_that_wait_for_each_other_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otel_eda.core.runtime.locks._PATIENCE_S", 0.05)
    lock, theirs, together = PatientLock(), threading.Lock(), threading.Barrier(2)

    def ours_first() -> None:
        with lock.held():
            together.wait()
            with theirs:  # as the SDK's, which it holds while it calls us
                pass

    with ThreadPoolExecutor(1) as pool:
        with theirs:
            done = pool.submit(ours_first)
            together.wait()
            with lock.held():
                pass
        done.result(5)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: lock._lock.acquire(blocking=False)).result(5)


def test_a_forked_child_does_not_wait_for_who_held_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otel_eda.core.runtime.locks._PATIENCE_S", 60.0)
    lock, held, over = PatientLock(), threading.Event(), threading.Event()

    def hold() -> None:
        with lock.held():
            held.set()
            over.wait()

    def take() -> str:
        with lock.held():
            return "taken"

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    try:
        assert in_child(take) == repr("taken")
    finally:
        over.set()
        thread.join()
