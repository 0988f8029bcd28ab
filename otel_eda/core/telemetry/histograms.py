"""Histograms of durations, to which a value costs a few additions where the SDK's own take over what was counted.

A value that the SDK records makes a measurement, asks the exemplar filter, hashes the attributes and takes a lock for
each reader. Here the first value of a series between two collections goes that way, which makes the point with its
start time. Those after it are counted, and added to the SDK's points when a collection begins: see
`otel_eda.core.telemetry.light_histograms`. Where that would not give the same points, each value is recorded.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from math import inf
from typing import TYPE_CHECKING, Any

from otel_eda import semconv
from otel_eda.core.runtime.contexts import EMPTY, SPAN, get_current, with_span
from otel_eda.core.runtime.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.metrics import Meter

    from otel_eda.core.message import Attributes
    from otel_eda.core.telemetry.light_histograms import Points, Tally


class Durations:
    """The durations with the same attributes."""

    __slots__ = ("_tally", "attributes", "bounds", "histogram", "is_recorded", "points")

    def __init__(self, histogram: Any, attributes: Attributes) -> None:
        self.histogram, self.attributes = histogram, attributes
        self.bounds: Sequence[float] = ()
        self.is_recorded = False  # whether each value is
        self.points: Points | None = None
        self._tally: Tally | None = None

    def record(self, seconds: float, context: Context | None = None, at: int | None = None, span: Any = None) -> None:
        """Record a duration, measured in a context and at a time in nanoseconds, by default the current ones.

        A `span`, if it is given, is current there.
        """
        bounds, is_plain = self.bounds, 0.0 <= seconds < inf
        bucket, at = bisect_left(bounds, seconds), time.time_ns() if at is None else at
        here: Any = (get_current() if context is None else context).get(SPAN) if span is None else span
        light = getattr(here, "is_light", False)  # whose context is no call away
        known = here.context if light else None if here is None else here.get_span_context()
        # CPython 3.10 to 3.14 gives its lock away only at calls and jumps: there is none until it has counted.
        tally, is_plain = self._tally, is_plain and bounds is self.bounds
        if is_plain and tally is not None and tally.storages is tally.consumer._reader_storages:
            tally.counts[bucket] += 1
            tally.sum += seconds
            if seconds < tally.least:  # noqa: PLR1730  # `min` would be a call
                tally.least = seconds
            if seconds > tally.greatest:  # noqa: PLR1730
                tally.greatest = seconds
            if known is not None and known[3] & 1 and tally.samples:  # its flags
                tally.exemplars[bucket] = seconds, at, known
            return
        self._record(seconds, context if span is None else with_span(context or EMPTY, span))

    def _record(self, seconds: float, context: Context | None) -> None:
        if self._tally is not None:
            self.hand_over()
        self.histogram.record(seconds, self.attributes, context)
        if not self.is_recorded and self._tally is None:
            self._count_from_now_on()

    @guarded
    def _count_from_now_on(self) -> None:
        instrument = getattr(self.histogram, "_real_instrument", self.histogram)
        if not type(instrument).__module__.startswith("opentelemetry.sdk."):
            return
        from otel_eda.core.telemetry.light_histograms import Tally, points_of

        self.points = points = points_of(instrument, self.attributes, self.points)
        if points is None or (self.bounds and self.bounds != points.bounds):
            self.is_recorded = True
            return
        self.bounds, tally = points.bounds, Tally(points)
        if self._tally is None:  # else another thread was here, and may have counted already
            self._tally = tally

    @guarded
    def hand_over(self) -> None:
        """Add what was counted to the points of the SDK."""
        tally, self._tally = self._tally, None
        if tally is not None and any(tally.counts):
            tally.points.add(tally)

    def begin_at_zero(self) -> None:
        """Forget what was counted: the next value makes the SDK's point anew."""
        self._tally = None


class Histogram:
    """A histogram of durations in seconds, by their attributes."""

    def __init__(self, meter: Meter, name: str, buckets: Sequence[float], description: str) -> None:
        self._histogram = meter.create_histogram(
            name, "s", description, explicit_bucket_boundaries_advisory=list(buckets)
        )
        self._durations: dict[frozenset[tuple[str, Any]], Durations] = {}

    def durations_for(self, attributes: Attributes) -> Durations:
        """Return what records durations with these attributes."""
        key = frozenset(attributes.items())
        return self._durations.get(key) or self._add(key, attributes)

    def _add(self, key: frozenset[tuple[str, Any]], attributes: Attributes) -> Durations:
        made = Durations(self._histogram, attributes)
        if len(self._durations) >= semconv.ATTRIBUTE_SETS:  # the SDK has a bound of its own
            made.is_recorded = True
            return made
        return self._durations.setdefault(key, made)

    @property
    def is_counted(self) -> bool | None:
        """Whether durations are counted here, and not recorded one by one; None as long as there are none."""
        found = {durations.points is not None for durations in list(self._durations.values())}
        return None if not found else found == {True}

    def hand_over(self) -> None:
        """Add what was counted to the points of the SDK."""
        for durations in list(self._durations.values()):
            durations.hand_over()

    def begin_at_zero(self) -> None:
        """Forget what was counted since the last collection."""
        for durations in self._durations.values():
            durations.begin_at_zero()
