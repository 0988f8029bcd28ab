"""Counted durations come out of the SDK as recorded ones do: every point and exemplar, whatever collects them."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.context import Context
from opentelemetry.sdk import metrics as sdk
from opentelemetry.sdk.metrics import view
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from otel_eda import semconv
from otel_eda.core.telemetry import light_histograms
from otel_eda.core.telemetry.histograms import Histogram
from otel_eda.core.telemetry.instruments import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CUMULATIVE, DELTA = AggregationTemporality.CUMULATIVE, AggregationTemporality.DELTA
BUCKETS = (0.1, 1.0, 10.0)
SETS: list[dict[str, Any]] = [{"topic": "a"}, {"topic": "b", "n": 1}, {"topic": "b"}]
ADDS_READERS = hasattr(sdk.MeterProvider, "add_metric_reader")


def reader(temporality: AggregationTemporality) -> InMemoryMetricReader:
    return InMemoryMetricReader({sdk.Histogram: temporality, sdk.ObservableCounter: temporality})


def within(span: int, *, sampled: bool) -> Context:
    if not span:
        return Context()
    flags = TraceFlags(int(sampled))
    return set_span_in_context(NonRecordingSpan(SpanContext(span, span, is_remote=False, trace_flags=flags)), Context())


def points(data: Any) -> list[Any]:
    """Give all that is in the points; times are looked at elsewhere."""
    if data is None:
        return []
    found = [
        (
            *(metric.name, sorted(point.attributes.items()), point.count, list(point.bucket_counts)),
            *(point.explicit_bounds, pytest.approx(point.sum, nan_ok=True), point.min, point.max),
            *((one.value, one.span_id, one.trace_id, one.filtered_attributes) for one in point.exemplars),
        )
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if hasattr(metric.data, "data_points") and not metric.name.startswith("otel.sdk.")  # the SDK's own time
        for point in metric.data.data_points
        if hasattr(point, "bucket_counts")
    ]
    return sorted(found, key=repr)


@dataclass
class Side:
    """One of the two ways, with its readers."""

    counts: bool
    temporalities: Sequence[AggregationTemporality]
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.readers = [reader(temporality) for temporality in self.temporalities]
        self.provider = sdk.MeterProvider(self.readers, shutdown_on_exit=False, **self.options)
        meter = self.provider.get_meter("durations")
        if self.counts:
            self.ours = Histogram(meter, "h", BUCKETS, "")
            meter.create_observable_counter("begin", [self.begin])
        else:
            self.theirs = meter.create_histogram("h", "s", "", explicit_bucket_boundaries_advisory=list(BUCKETS))

    def begin(self, _: object) -> tuple[()]:
        self.ours.hand_over()
        return ()

    def record(self, value: float, attributes: dict[str, Any], context: Context) -> None:
        if self.counts:
            self.ours.durations_for(attributes).record(value, context)
        else:
            self.theirs.record(value, attributes, context)

    def collected(self, which: int) -> list[Any]:
        return points(self.readers[which % len(self.readers)].get_metrics_data())

    def add(self, temporality: AggregationTemporality) -> None:
        self.readers.append(reader(temporality))
        self.provider.add_metric_reader(self.readers[-1])


RECORD = st.tuples(
    st.floats(min_value=0, max_value=1e6) | st.sampled_from([0.0, *BUCKETS, -1.0, float("nan"), float("inf")]),
    st.sampled_from(SETS),
    st.builds(within, st.integers(0, 5), sampled=st.booleans()),
)
STEPS = st.lists(RECORD | st.integers(0, 3) | st.sampled_from([CUMULATIVE, DELTA]), max_size=40)
FILTERS = (sdk.TraceBasedExemplarFilter, sdk.AlwaysOffExemplarFilter, sdk.AlwaysOnExemplarFilter)
VIEWS: dict[str, view.View] = {
    "another name": view.View(instrument_name="h", name="other"),
    "other buckets": view.View(
        instrument_name="h", aggregation=view.ExplicitBucketHistogramAggregation([0.5, 5.0], record_min_max=False)
    ),
    "fewer attributes": view.View(instrument_name="h", attribute_keys={"topic"}),
    "dropped": view.View(instrument_name="h", aggregation=view.DropAggregation()),
}


def play(ours: Side, theirs: Side, steps: Sequence[Any]) -> None:
    for step in [*steps, *range(len(ours.readers))]:
        if isinstance(step, tuple):
            ours.record(*step)
            theirs.record(*step)
        elif isinstance(step, AggregationTemporality):
            if ADDS_READERS:
                ours.add(step)
                theirs.add(step)
        else:
            assert ours.collected(step) == theirs.collected(step)
    for which in range(len(ours.readers)):
        assert ours.collected(which) == theirs.collected(which)
    ours.provider.shutdown()
    theirs.provider.shutdown()


@settings(max_examples=150, deadline=None)
@given(
    temporalities=st.lists(st.sampled_from([CUMULATIVE, DELTA]), min_size=1, max_size=2),
    exemplars=st.sampled_from(FILTERS),
    views=st.lists(st.sampled_from(sorted(VIEWS)), max_size=2, unique=True),
    steps=STEPS,
)
def test_points_are_those_of_the_sdk(
    temporalities: list[AggregationTemporality], exemplars: type[Any], views: list[str], steps: list[Any]
) -> None:
    options = {"exemplar_filter": exemplars(), "views": [VIEWS[name] for name in views]}
    play(Side(True, temporalities, options), Side(False, temporalities, options), steps)


def test_where_attributes_are_dropped_the_exemplar_is_the_last_value_of_all() -> None:
    sides = [Side(counts, [CUMULATIVE], {"views": [VIEWS["fewer attributes"]]}) for counts in (True, False)]
    for side in sides:
        for span, attributes in enumerate((SETS[2], SETS[2], SETS[1]), 1):
            side.record(0.5, attributes, within(span, sampled=True))
    ours, theirs = (side.collected(0) for side in sides)
    assert ours == theirs
    for side in sides:
        side.provider.shutdown()


def test_this_sdk_is_known() -> None:
    assert light_histograms._is_known()


def test_values_are_counted_and_not_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded: list[float] = []
    usual: Callable[..., None] = sdk.Histogram.record

    def record(self: Any, amount: float, *args: Any) -> None:
        recorded.append(amount)
        usual(self, amount, *args)

    monkeypatch.setattr(sdk.Histogram, "record", record)
    side = Side(True, [CUMULATIVE])
    for number in range(5):
        side.record(float(number), SETS[0], Context())
    assert recorded == [0.0]
    ((_, _, count, *_),) = side.collected(0)
    assert count == 5
    side.provider.shutdown()


@pytest.mark.parametrize("temporality", [CUMULATIVE, DELTA])
def test_times_are_those_of_the_sdk(temporality: AggregationTemporality) -> None:
    sides = [Side(counts, [temporality]) for counts in (True, False)]
    for side in sides:
        spans = []
        for _ in range(3):
            for value in (0.5, 0.6):
                side.record(value, SETS[0], within(1, sampled=True))
            data: Any = side.readers[0].get_metrics_data()
            found = [metric for one in data.resource_metrics[0].scope_metrics for metric in one.metrics]
            ((point,),) = [metric.data.data_points for metric in found if metric.name == "h"]
            assert point.start_time_unix_nano < point.exemplars[0].time_unix_nano <= point.time_unix_nano
            spans.append((point.start_time_unix_nano, point.time_unix_nano))
        (first, end), (second, _), _ = spans
        assert second == (first if temporality is CUMULATIVE else end), side
        side.provider.shutdown()


def test_no_value_is_lost_between_threads_and_collections() -> None:
    side, each, stop = Side(True, [DELTA, DELTA]), 20_000, threading.Event()
    counts = [0, 0]

    def collect(which: int) -> None:
        counts[which] += sum(point[2] for point in side.collected(which))

    def work() -> None:
        for number in range(each):
            side.record(number % 3, SETS[0], Context())

    def collect_always() -> None:
        while not stop.is_set():
            collect(0)
            collect(1)

    collecting, workers = threading.Thread(target=collect_always), [threading.Thread(target=work) for _ in range(4)]
    for thread in (collecting, *workers):
        thread.start()
    for thread in workers:
        thread.join()
    stop.set()
    collecting.join()
    collect(0)
    collect(1)
    assert counts == [4 * each] * 2
    side.provider.shutdown()


def test_the_instruments_hand_over_at_each_collection() -> None:
    memory = reader(CUMULATIVE)
    provider = sdk.MeterProvider([memory], shutdown_on_exit=False)
    made = Metrics(provider.get_meter("ours"))
    for histogram in (made.process_duration, made.operation_duration, made.handler_duration):
        for value in (0.001, 2.0, 3.0):
            histogram.durations_for({"a": 1}).record(value, Context())
    assert [point[2] for point in points(memory.get_metrics_data())] == [3, 3, 3]
    provider.shutdown()


def test_more_sets_of_attributes_than_are_kept_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(semconv, "ATTRIBUTE_SETS", 2)
    side = Side(True, [CUMULATIVE])
    for number in range(5):
        for _ in range(3):
            side.record(1.0, {"topic": number}, Context())
    assert [point[2] for point in side.collected(0)] == [3] * 5
    side.provider.shutdown()
