"""The points of the SDK's histograms, to which counted values are added all at once."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context
from opentelemetry.sdk.metrics import (
    AlignedHistogramBucketExemplarReservoir,
    AlwaysOffExemplarFilter,
    Histogram,
    MeterProvider,
    TraceBasedExemplarFilter,
)
from opentelemetry.sdk.metrics._internal.aggregation import _ExplicitBucketHistogramAggregation
from opentelemetry.sdk.metrics._internal.measurement_consumer import SynchronousMeasurementConsumer
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from otel_eda.core.runtime.contexts import EMPTY, with_span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_eda.core.message import Attributes

_log = logging.getLogger("otel_eda")


@dataclass(frozen=True)
class Points:
    """Where the SDK aggregates the durations with the same attributes, once for each reader and view.

    `matches` has each with its key; `storages` are those of the readers that there were; `samples` says whether a
    value in a sampled span is an exemplar.
    """

    consumer: Any
    storages: Mapping[Any, Any]
    attributes: Attributes
    matches: Sequence[tuple[Any, Any]]
    bounds: Sequence[float]
    samples: bool

    def add(self, tally: Tally) -> None:
        """Add counted values to the SDK's points."""
        for match, key in self.matches:
            with match._lock:
                aggregation = match._attributes_aggregation.get(key)
                if aggregation is None:  # newer SDKs begin anew after a collection of differences
                    aggregation = match._get_or_create_aggregation(key, self.attributes)
                _add(aggregation, tally)


class Tally:
    """Values that were counted since the last collection: their number in each bucket, sum, least and greatest one.

    `exemplars` has for each bucket the last value in a sampled span: the value, its time in nanoseconds, the span.
    """

    __slots__ = ("consumer", "counts", "exemplars", "greatest", "least", "points", "samples", "storages", "sum")

    def __init__(self, points: Points) -> None:
        self.points, self.samples = points, points.samples
        self.consumer, self.storages = points.consumer, points.storages
        self.counts = [0] * (len(points.bounds) + 1)
        self.exemplars: dict[int, tuple[float, int, SpanContext]] = {}
        self.sum, self.least, self.greatest = 0.0, inf, -inf


def points_of(instrument: Any, attributes: Attributes, known: Points | None) -> Points | None:
    """Return the points of a histogram with these attributes, or None where counting would not give the same ones.

    `known` are those of before: they are the same as long as the readers are.
    """
    consumer = getattr(instrument, "_measurement_consumer", None)
    if type(consumer) is not SynchronousMeasurementConsumer or type(instrument).record is not Histogram.record:
        return None
    is_enabled = getattr(instrument, "_is_enabled", None)  # newer SDKs switch meters off
    if is_enabled is not None and not is_enabled():
        return None
    if known is not None and known.storages is consumer._reader_storages:
        return known
    return _points(instrument, consumer, attributes) if _is_known() else None


def _points(instrument: Any, consumer: Any, attributes: Attributes) -> Points | None:
    exemplars = type(consumer._sdk_config.exemplar_filter)
    if exemplars not in {TraceBasedExemplarFilter, AlwaysOffExemplarFilter}:
        return None
    storages = consumer._reader_storages
    places = [
        (match, *_aggregation(match, attributes))
        for storage in storages.values()
        for match in storage._get_or_init_view_instrument_match(instrument)
    ]
    if not all(match._view._attribute_keys is None and _is_plain(aggregation) for match, _, aggregation in places):
        return None  # with fewer attributes it is the order of others' values that decides which one is an exemplar
    bounds = {aggregation._boundaries for _, _, aggregation in places}
    if len(bounds) != 1:
        return None
    matches = [(match, key) for match, key, _ in places]
    return Points(consumer, storages, attributes, matches, bounds.pop(), exemplars is TraceBasedExemplarFilter)


def _aggregation(match: Any, attributes: Attributes) -> tuple[Any, Any]:
    with match._lock:
        for key, aggregation in match._attributes_aggregation.items():
            if aggregation._attributes == attributes:
                return key, aggregation
    return None, None


def _is_plain(aggregation: Any) -> bool:
    return (
        type(aggregation) is _ExplicitBucketHistogramAggregation
        and type(aggregation._reservoir) is AlignedHistogramBucketExemplarReservoir
    )


def _add(aggregation: Any, tally: Tally) -> None:
    with aggregation._lock:
        counts = aggregation._value or [0] * len(tally.counts)
        aggregation._value = [before + more for before, more in zip(counts, tally.counts, strict=True)]
        aggregation._sum += tally.sum
        if aggregation._record_min_max:
            aggregation._min = min(aggregation._min, tally.least)
            aggregation._max = max(aggregation._max, tally.greatest)
    for value, at, span in tally.exemplars.values():
        context = with_span(EMPTY, NonRecordingSpan(span))
        aggregation._reservoir.offer(value, at, tally.points.attributes, context)


@lru_cache(maxsize=1)
def _is_known() -> bool:
    """Return whether counted values come out as recorded ones do, in this version of the SDK."""
    try:
        alike = _probe(count=True) == _probe(count=False)
    except Exception:  # noqa: BLE001  # the SDK's insides may be anything in a version that nobody knows yet
        _log.info("The SDK records each duration: its histograms are not known.", exc_info=True)
        return False
    if not alike:
        _log.info("The SDK records each duration: counted ones would differ in this version of it.")
    return alike


def _probe(*, count: bool) -> list[Any]:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], exemplar_filter=TraceBasedExemplarFilter(), shutdown_on_exit=False)
    instrument: Any = provider.get_meter("probe").create_histogram("probe", explicit_bucket_boundaries_advisory=[1, 2])
    attributes, span = {"a": "b"}, SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(1))
    instrument.record(0.5, attributes, Context())
    if count:
        points = _points(instrument, instrument._measurement_consumer, attributes)
        if points is None:
            return []
        tally = Tally(points)
        tally.counts[1], tally.sum, tally.least, tally.greatest = 2, 3.25, 1.25, 2.0
        tally.exemplars[1] = 2.0, 5, span
        points.add(tally)
    else:
        for value in (1.25, 2.0):
            instrument.record(value, attributes, with_span(EMPTY, NonRecordingSpan(span)))
    data: Any = reader.get_metrics_data()
    (point,) = data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points
    numbers = [point.attributes, point.bucket_counts, point.sum, point.min, point.max, point.count]
    return [*numbers, *((one.value, one.trace_id, one.span_id, one.filtered_attributes) for one in point.exemplars)]
