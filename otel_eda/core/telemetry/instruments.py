"""Every instrument of a library, and counters whose increment costs one addition."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from opentelemetry.metrics import Observation

from otel_eda import semconv
from otel_eda.core.telemetry.histograms import Histogram

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from opentelemetry.metrics import CallbackOptions, Meter

    from otel_eda.core.message import Attributes


_log = logging.getLogger("otel_eda")


class Count:
    """The number of messages with the same attributes.

    `count.number += 1` is atomic under the interpreter lock of Python 3.10 to 3.13: CPython gives the lock away only at
    calls and backward jumps, and there is none in between.
    """

    __slots__ = ("attributes", "number")

    def __init__(self, attributes: Attributes) -> None:
        self.attributes = attributes
        self.number = 0


_OVERFLOW_KEY = frozenset({(semconv.OVERFLOW, True)})


_OVERFLOW_WARNING = (
    "%s has %d sets of attributes: what comes with more, as with a destination for each request, is counted together"
)


class Counter:
    """A counter over plain integers, observed when metrics are collected; ten times cheaper than the SDK's `add`."""

    def __init__(
        self,
        meter: Meter,
        name: str,
        unit: str,
        description: str,
        *first: Callable[[CallbackOptions], Iterable[Observation]],
    ) -> None:
        self.name = name
        self.counts: dict[frozenset[tuple[str, Any]], Count] = {}
        meter.create_observable_counter(name, [*first, self._observe], unit, description)

    def count_for(self, attributes: Attributes) -> Count:
        """Return the number that counts for these attributes."""
        key = frozenset(attributes.items())
        return self.counts.get(key) or self._add(key, attributes)

    def _add(self, key: frozenset[tuple[str, Any]], attributes: Attributes) -> Count:
        # Names made up for each use, as of queues for answers, must not take all memory.
        if len(self.counts) >= semconv.ATTRIBUTE_SETS and key != _OVERFLOW_KEY:
            if _OVERFLOW_KEY not in self.counts:
                _log.warning(_OVERFLOW_WARNING, self.name, semconv.ATTRIBUTE_SETS)
            return self.count_for(dict(_OVERFLOW_KEY))
        return self.counts.setdefault(key, Count(attributes))

    def begin_at_zero(self) -> None:
        """Set every number to zero; who has a `Count` at hand keeps it."""
        for count in self.counts.values():
            count.number = 0

    def _observe(self, _: CallbackOptions) -> Iterator[Observation]:
        for count in list(self.counts.values()):
            if count.number:
                yield Observation(count.number, count.attributes)


class Metrics:
    """Every instrument, made once for each meter provider and library."""

    operation_duration: Histogram
    process_duration: Histogram
    handler_duration: Histogram
    queue_duration: Histogram
    message_age: Histogram
    sent: Counter
    consumed: Counter
    unhandled: Counter
    commits: Counter
    returned: Counter
    settled: Counter
    dead_lettered: Counter
    retried: Counter
    missed: Counter
    redelivered: Counter
    reprocessed: Counter
    out_of_order: Counter
    skipped: Counter
    recovered: Counter
    regressions: Counter

    def __init__(self, meter: Meter) -> None:
        for field, (name, buckets, description) in _HISTOGRAMS.items():
            setattr(self, field, Histogram(meter, name, buckets, description))
        for field, (name, unit, description) in _COUNTERS.items():
            setattr(self, field, Counter(meter, name, unit, description, self._hand_over))

    def counter(self, name: str) -> Counter:
        """Return the counter of a name."""
        counter: Counter = getattr(self, name)
        return counter

    @property
    def counts_durations(self) -> bool | None:
        """Whether durations are counted here, and not recorded one by one; None as long as there are none."""
        found = {getattr(self, field).is_counted for field in _HISTOGRAMS} - {None}
        return None if not found else found == {True}

    def begin_at_zero(self) -> None:
        """Forget what was counted, as a forked child does."""
        for field in _HISTOGRAMS:
            getattr(self, field).begin_at_zero()
        for field in _COUNTERS:
            self.counter(field).begin_at_zero()

    def _hand_over(self, _: CallbackOptions) -> Iterable[Observation]:
        # It observes nothing: the SDK calls it when a collection begins, and takes the histograms' points afterwards.
        for field in _HISTOGRAMS:
            histogram: Histogram = getattr(self, field)
            histogram.hand_over()
        return ()


_HISTOGRAMS = {
    "operation_duration": (
        semconv.OPERATION_DURATION,
        semconv.DURATION_BUCKETS,
        "Duration of messaging operation initiated by a producer or consumer client.",
    ),
    "process_duration": (semconv.PROCESS_DURATION, semconv.DURATION_BUCKETS, "Duration of processing operation."),
    "handler_duration": (
        semconv.HANDLER_DURATION,
        semconv.DURATION_BUCKETS,
        "Duration of one handler's work on one event.",
    ),
    "queue_duration": (
        semconv.QUEUE_DURATION,
        semconv.QUEUE_BUCKETS,
        "Time from a message's timestamp to the start of its processing.",
    ),
    "message_age": (
        semconv.MESSAGE_AGE,
        semconv.QUEUE_BUCKETS,
        "Time from a message's timestamp to the end of its processing.",
    ),
}


_COUNTERS = {
    "sent": (semconv.SENT, "{message}", "Number of messages producer attempted to send to the broker."),
    "consumed": (semconv.CONSUMED, "{message}", "Number of messages that were delivered to the application."),
    "unhandled": (semconv.UNHANDLED, "{event}", "Number of events that no handler was registered for."),
    "commits": (semconv.COMMITS, "{commit}", "Number of offset commits, by the application or automatic."),
    "returned": (semconv.RETURNS, "{message}", "Number of messages that the broker could not route and sent back."),
    "settled": (semconv.SETTLED, "{message}", "Number of messages that the application acknowledged or rejected."),
    "dead_lettered": (
        semconv.DEAD_LETTERED,
        "{message}",
        "Number of messages that were set aside: sent to a dead-letter destination, or delivered from one.",
    ),
    "retried": (semconv.RETRIED, "{message}", "Number of messages that were sent somewhere for another attempt."),
    "missed": (
        semconv.MISSED_MESSAGES,
        "{message}",
        "Number of messages that a later one of the same sender overtook.",
    ),
    "redelivered": (
        semconv.REDELIVERED_MESSAGES,
        "{message}",
        "Number of attempts at a message after its first, none of which had succeeded before.",
    ),
    "reprocessed": (
        semconv.REPROCESSED_MESSAGES,
        "{message}",
        "Number of attempts at a message after one had succeeded.",
    ),
    "out_of_order": (
        semconv.OUT_OF_ORDER_MESSAGES,
        "{message}",
        "Number of messages whose processing began after that of a later one with the same key.",
    ),
    "skipped": (
        semconv.SKIPPED_MESSAGES,
        "{message}",
        "Number of messages that were committed past though no attempt at them had succeeded.",
    ),
    "recovered": (
        semconv.RECOVERED_MESSAGES,
        "{message}",
        "Number of skipped messages that were processed after all.",
    ),
    "regressions": (
        semconv.REGRESSIONS,
        "{commit}",
        "Number of commits of an offset before one that was committed.",
    ),
}
