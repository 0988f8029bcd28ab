"""Where spans and metrics go, and whether they go anywhere."""

from __future__ import annotations

import logging
import time
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakKeyDictionary

from opentelemetry import metrics, trace
from opentelemetry.metrics import Observation

from otel_eda import semconv

from . import monitor
from .guard import guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.metrics import CallbackOptions, Histogram, Meter, MeterProvider
    from opentelemetry.trace import Tracer, TracerProvider

    from .account import Fact

_log = logging.getLogger("otel_eda")
Attributes: TypeAlias = "dict[str, Any]"
# Asking the API for its providers, which looks into the environment, costs more than all the rest of an idle call.
_PERIOD = 1_000_000  # nanoseconds


class Count:
    """How many messages there were with the same attributes.

    `count.number += 1` is atomic under the interpreter lock of Python 3.10 to 3.13: it is looked at only at calls and
    backward jumps, and there is none in between.
    """

    __slots__ = ("attributes", "number")

    def __init__(self, attributes: Attributes) -> None:
        self.attributes = attributes
        self.number = 0


_OVERFLOW = frozenset({(semconv.OVERFLOW, True)})
_TOO_MANY = (
    "%s has %d sets of attributes: what comes with more, as with a destination for each request, is counted together"
)


class Counter:
    """A counter over plain integers, observed when metrics are collected: ten times cheaper than `Counter.add`."""

    def __init__(self, meter: Meter, name: str, unit: str, description: str) -> None:
        self.name = name
        self.counts: dict[frozenset[tuple[str, Any]], Count] = {}
        meter.create_observable_counter(name, [self._observe], unit, description)

    def of(self, attributes: Attributes) -> Count:
        """Give the number to count on for these attributes."""
        key = frozenset(attributes.items())
        return self.counts.get(key) or self._new(key, attributes)

    def _new(self, key: frozenset[tuple[str, Any]], attributes: Attributes) -> Count:
        # Names that are made up as they go, as those of answers to requests, must not take all memory.
        if len(self.counts) >= semconv.ATTRIBUTE_SETS and key != _OVERFLOW:
            if _OVERFLOW not in self.counts:
                _log.warning(_TOO_MANY, self.name, semconv.ATTRIBUTE_SETS)
            return self.of(dict(_OVERFLOW))
        return self.counts.setdefault(key, Count(attributes))

    def _observe(self, _: CallbackOptions) -> Iterator[Observation]:
        for count in list(self.counts.values()):
            if count.number:
                yield Observation(count.number, count.attributes)


class Metrics:
    """Every instrument, made once for a meter provider and library."""

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
        for field, (name, buckets, about) in _DURATIONS.items():
            made = meter.create_histogram(name, "s", about, explicit_bucket_boundaries_advisory=list(buckets))
            setattr(self, field, made)
        for field, (name, unit, about) in _COUNTS.items():
            setattr(self, field, Counter(meter, name, unit, about))

    def of(self, fact: Fact) -> Counter:
        """Give the counter of what the ledger tells."""
        found: Counter = getattr(self, fact.value)
        return found


_DURATIONS = {
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
_COUNTS = {
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


class Scope:
    """One library's tracer and instruments; `measured` tells whether durations have gone anywhere by now."""

    __slots__ = ("_due", "_live", "measured", "metrics", "tracer")

    def __init__(self, tracer: Tracer, metrics: Metrics, live: Callable[[], bool]) -> None:
        self.tracer = tracer
        self.metrics = metrics
        self._live = live
        self._due = 0
        self.measured = live()

    def measures(self, now: int) -> bool:
        """Tell whether durations go anywhere, at a time in nanoseconds: metrics may come later than traces."""
        if not self.measured and not now < self._due <= now + _PERIOD:
            self._due, self.measured = now + _PERIOD, self._live()
        return self.measured


class Telemetry:
    """Finds a library's scope: from the providers given, else from the global ones as soon as there are any."""

    def __init__(self, library: str) -> None:
        self.name = f"otel_eda.{library}"
        self.scope: Scope | None = None
        self.tracer_provider: TracerProvider | None = None
        self.meter_provider: MeterProvider | None = None
        self._due = 0

    def use(self, tracer_provider: TracerProvider | None, meter_provider: MeterProvider | None) -> None:
        """Use these providers, or the global ones for None."""
        self.tracer_provider, self.meter_provider, self.scope = tracer_provider, meter_provider, None
        self._due = 0
        self.look()

    @guarded
    def look(self) -> Scope | None:
        """Give the scope, None as long as nothing would be recorded: then wrappers only pass on."""
        if self.scope is None and (now := time.monotonic_ns()) >= self._due:
            self._due = now + _PERIOD
            self.scope = self._scope() if self.live else None
        return self.scope

    @property
    def live(self) -> bool:
        """Whether spans or metrics go anywhere: to a provider that is not the API's own, which does nothing."""
        return _records(self.tracer_provider or trace.get_tracer_provider()) or self._measured()

    def _measured(self) -> bool:
        return _records(self.meter_provider or metrics.get_meter_provider())

    def _scope(self) -> Scope | None:
        provider = self.tracer_provider or trace.get_tracer_provider()
        tracer = provider.get_tracer(self.name, own_version(), semconv.SCHEMA)
        meters = self.meter_provider or metrics.get_meter_provider()
        return Scope(tracer, _metrics(meters, self.name), self._measured)


def _records(provider: object) -> bool:
    module = type(provider).__module__
    return not module.startswith("opentelemetry.") or ".sdk." in module


_made: WeakKeyDictionary[MeterProvider, dict[str, Metrics]] = WeakKeyDictionary()


def _metrics(provider: MeterProvider, name: str) -> Metrics:
    # Made again, every instrument would be a duplicate, and counts would start anew.
    made = _made.setdefault(_first_known_as(provider), {})
    if name not in made:
        meter = provider.get_meter(name, own_version(), semconv.SCHEMA)
        if not made:
            monitor.watch_ourselves(meter)
        made[name] = Metrics(meter)
        monitor.Monitor(meter, made[name])
    return made[name]


def _first_known_as(provider: MeterProvider) -> MeterProvider:
    # Before there is a global provider the API has another stand in for it, whose instruments become real with it.
    stand_ins = (known for known in list(_made) if getattr(known, "_real_meter_provider", None) is provider)
    return next(stand_ins, provider)


@lru_cache(maxsize=1)
def own_version() -> str:
    """Give the version of otel-eda."""
    return version("otel-eda")
