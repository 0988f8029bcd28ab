"""Telemetry goes to the SDK that there is, whenever it comes, and nothing is done without one."""

from __future__ import annotations

import gc
import logging
import time
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import metrics, trace
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.trace import NoOpTracerProvider
from support.recorder import Recorder, recording

import otel_eda
from core.tinyqueue import Consumer, Producer, Queue
from otel_eda.core.telemetry import providers
from otel_eda.core.telemetry.providers import Telemetry

if TYPE_CHECKING:
    from otel_eda.core import Library


NOWHERE = "spans go nowhere"


def flow(queue: Queue) -> list[object]:
    """Send one message and consume everything in every way."""
    Producer(queue).send("sent", 0)
    reader, poller = Consumer(queue, "orders", "sent"), Consumer(queue, "orders", "sent")
    seen = [record.value for record in reader]
    polled = [record.value for records in poller.poll().values() for record in records]
    reader.close()
    poller.close()
    last = Consumer(queue, "sent")
    pulled = next(last).value
    last.commit()
    last.seek("sent", 0)
    last.close()
    return [seen, polled, pulled, last.committed]


@pytest.fixture
def no_sdk(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Have no provider set, as at a process's beginning; `trace._TRACER_PROVIDER` may be set once."""
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(metrics._internal, "_METER_PROVIDER", None)
    for name in ("OTEL_PYTHON_TRACER_PROVIDER", "OTEL_PYTHON_METER_PROVIDER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OTEL_EDA_STRICT", "1")
    return monkeypatch


def test_without_an_sdk_everything_is_as_without_us(
    no_sdk: pytest.MonkeyPatch, library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    expected = flow(queue := Queue())
    otel_eda.enable()
    try:
        assert library.on
        assert flow(Queue()) == expected
        with otel_eda.process(object(), destination="nowhere"):
            assert not trace.get_current_span().get_span_context().is_valid
    finally:
        otel_eda.disable()
    assert queue.topics
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("otel_eda", "WARNING")
    assert NOWHERE in record.getMessage()


@pytest.mark.parametrize("given", ["given", "global"])
def test_with_an_sdk_nothing_is_logged(
    no_sdk: pytest.MonkeyPatch, library: Library, caplog: pytest.LogCaptureFixture, given: str
) -> None:
    recorder = Recorder()
    if given == "global":
        no_sdk.setattr(trace, "_TRACER_PROVIDER", recorder.tracer_provider)
    otel_eda.enable(recorder.tracer_provider if given == "given" else None, only=[library.name])
    otel_eda.disable()
    recorder.shutdown()
    assert not caplog.records


@pytest.mark.parametrize("only", [["registries"], []], ids=str)
def test_with_no_library_on_nothing_is_missed(
    library: Library, caplog: pytest.LogCaptureFixture, only: list[str]
) -> None:
    with recording(only=only, quiet=False):
        assert NOWHERE not in caplog.text


def test_an_sdk_that_comes_later_is_found(no_sdk: pytest.MonkeyPatch, library: Library) -> None:
    queue, recorder = Queue(), Recorder()
    otel_eda.enable()
    try:
        flow(queue)
        no_sdk.setattr(trace, "_TRACER_PROVIDER", recorder.tracer_provider)
        no_sdk.setattr(metrics._internal, "_METER_PROVIDER", recorder.meter_provider)
        time.sleep(0.002)  # it is looked for once a millisecond
        flow(queue)
    finally:
        otel_eda.disable()
    assert len(recorder.sends(1)) == 1
    assert recorder.count("messaging.client.sent.messages") == 1
    recorder.shutdown()


@pytest.mark.parametrize(
    ("tracers", "meters"),
    [(NoOpTracerProvider(), NoOpMeterProvider())],
)
def test_providers_that_do_nothing_are_as_none(tracers: Any, meters: Any) -> None:
    found = Telemetry("test")
    found.set_providers(tracers, meters)
    assert not found.records
    assert found.find_scope() is None


def test_one_provider_is_enough(queue: Queue, library: Library) -> None:
    with recording(meter_provider=NoOpMeterProvider()) as traced:
        flow(queue)
        traced.sends(1)
        assert traced.metrics() == {}
    with recording(tracer_provider=NoOpTracerProvider()) as measured:
        flow(queue)
        assert measured.ours() == []
        assert measured.count("messaging.client.sent.messages") == 1


class ForeignProvider(NoOpTracerProvider):
    """An SDK of somebody else's."""


def test_a_provider_that_is_not_opentelemetrys_own_counts_as_an_sdk() -> None:
    found = Telemetry("test")
    found.set_providers(ForeignProvider(), NoOpMeterProvider())
    assert found.find_scope() is not None


def test_no_duration_is_recorded_before_somebody_reads() -> None:
    # As with `OTEL_METRICS_EXPORTER=none`: the SDK would make a measurement of each value, for nobody.
    meters, found = MeterProvider(shutdown_on_exit=False), Telemetry("test")
    found.set_providers(ForeignProvider(), meters)
    scope = found.find_scope()
    assert scope is not None
    assert not scope.check_durations(time.time_ns())
    if hasattr(meters, "add_metric_reader"):
        meters.add_metric_reader(InMemoryMetricReader())
        assert scope.check_durations(time.time_ns() + 20_000_000)
    meters.shutdown()


def test_a_provider_that_fails_is_our_failure_alone(
    library: Library, queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(NoOpTracerProvider):
        def get_tracer(self, *_: Any, **__: Any) -> Any:
            raise ZeroDivisionError

    expected = flow(Queue())
    with recording(strict=False, quiet=False, tracer_provider=Failing()):
        assert flow(Queue()) == expected
    assert "ZeroDivisionError" in caplog.text


def test_switched_on_again_counts_go_on(library: Library, caplog: pytest.LogCaptureFixture) -> None:
    recorder, queue = Recorder(), Queue()
    caplog.set_level(logging.WARNING)
    for number in (1, 2, 3):
        otel_eda.enable(recorder.tracer_provider, recorder.meter_provider)
        flow(queue)
        otel_eda.disable()
        assert recorder.count("messaging.client.sent.messages") == number
        assert (
            recorder.count("messaging.process.duration", "sent")
            == sum(range(1, number + 1)) + sum(range(1, number + 1)) + number
        )
    recorder.shutdown()
    assert not caplog.records  # the SDK warns of an instrument that is made twice


def test_a_meter_provider_that_comes_later_has_each_instrument_once(
    no_sdk: pytest.MonkeyPatch, library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    recorder, queue = Recorder(), Queue()
    no_sdk.setattr(metrics._internal, "_METER_PROVIDER_SET_ONCE", type(metrics._internal._METER_PROVIDER_SET_ONCE)())
    no_sdk.setattr(metrics._internal, "_PROXY_METER_PROVIDER", metrics._internal._ProxyMeterProvider())
    otel_eda.enable(recorder.tracer_provider)
    flow(queue)
    metrics.set_meter_provider(recorder.meter_provider)
    otel_eda.disable()
    otel_eda.enable(recorder.tracer_provider)
    flow(queue)
    otel_eda.disable()
    assert recorder.count("messaging.client.sent.messages") == 2
    recorder.shutdown()
    assert not caplog.records


def test_instruments_have_units_descriptions_and_buckets(recorder: Recorder, queue: Queue) -> None:
    flow(queue)
    made = recorder.metrics()
    # What is measured of a consumer that happens to be alive still comes on top.
    assert {name: metric.unit for name, metric in made.items()}.items() >= {
        "messaging.client.operation.duration": "s",
        "messaging.process.duration": "s",
        "messaging.client.sent.messages": "{message}",
        "messaging.client.consumed.messages": "{message}",
        "eda.commits": "{commit}",
        "eda.redelivered.messages": "{message}",
        "eda.reprocessed.messages": "{message}",
    }.items()
    assert all(metric.description for metric in made.values())
    (point,) = recorder.points("messaging.process.duration", "sent")[:1]
    assert getattr(point, "explicit_bounds", ())[:3] == (0.005, 0.01, 0.025)


def test_a_meter_provider_is_not_kept_alive(library: Library) -> None:
    with recording() as recorder:
        flow(Queue())
        kept = weakref.ref(recorder.meter_provider)
    library.telemetry.set_providers(None, None)
    otel_eda.core.process.manual.telemetry.set_providers(None, None)
    otel_eda.core.inprocess.handlers.telemetry.set_providers(None, None)
    for other in otel_eda.suite.LIBRARIES.values():
        other.telemetry.set_providers(None, None)
    del recorder
    gc.collect()
    assert kept() is None


def test_the_version_is_the_distributions() -> None:
    from importlib.metadata import version

    assert providers.own_version() == version("otel-eda")


def test_every_scope_has_version_and_schema(recorder: Recorder, queue: Queue) -> None:
    flow(queue)
    scopes = {span.instrumentation_scope for span in recorder.ours()}
    (scope,) = scopes
    assert scope is not None
    assert (scope.name, scope.version) == ("otel_eda.tinyqueue", providers.own_version())
    assert str(scope.schema_url).startswith("https://opentelemetry.io/schemas/")
