"""The tracer and the instruments of a library, from the moment there are providers that record."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet

from opentelemetry import metrics, trace

from otel_eda import semconv
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.locks import PatientLock
from otel_eda.core.runtime.state import on_fork, on_reset
from otel_eda.core.telemetry.fresh_counts import begin_at_zero
from otel_eda.core.telemetry.instruments import Metrics
from otel_eda.core.telemetry.light import lightened
from otel_eda.core.telemetry.templates import starting

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.metrics import Meter, MeterProvider
    from opentelemetry.trace import Tracer, TracerProvider


_lock = PatientLock()
# The API looks into the environment each time it is asked for a provider: more work than all the rest of an idle call.
_SEARCH_INTERVAL_NS = 1_000_000
_READER_INTERVAL_NS = 10_000_000  # while spans are recorded anyway


class Scope:
    """The tracer and the instruments of one library.

    `start_like` starts spans after a template; `records_durations` says whether a meter provider records durations.
    """

    __slots__ = ("_checked_ns", "_records_metrics", "metrics", "records_durations", "start_like", "tracer")

    def __init__(self, tracer: Tracer, metrics: Metrics, live: Callable[[], bool]) -> None:
        self.tracer, self.start_like = tracer, starting(tracer)
        self.metrics = metrics
        self._records_metrics = live
        self._checked_ns = 0
        self.records_durations = live()

    def check_durations(self, now: int) -> bool:
        """Return whether durations are recorded, at a time in nanoseconds.

        A meter provider or its first reader may come later than the tracer provider, so they are looked for again, a
        hundred times a second at most.
        """
        if not self.records_durations and not 0 <= now - self._checked_ns < _READER_INTERVAL_NS:
            # In this order: a thread that comes meanwhile looks for itself.
            self.records_durations = self._records_metrics()
            self._checked_ns = now
        return self.records_durations


class Telemetry:
    """Finds a library's scope: from the given providers, else from the global ones as soon as there are any."""

    def __init__(self, library: str) -> None:
        self.library = library
        self.name = f"otel_eda.{library}"
        self.scope: Scope | None = None
        self.tracer_provider: TracerProvider | None = None
        self.meter_provider: MeterProvider | None = None
        self._next_search_ns = 0
        self._searching = self._apart = False

    def set_providers(self, tracer_provider: TracerProvider | None, meter_provider: MeterProvider | None) -> None:
        """Record with these providers, or with the global ones for None."""
        with _lock.held():
            self.tracer_provider, self.meter_provider = tracer_provider, meter_provider
            _keep_given(tracer_provider, meter_provider)
            self._search()

    def apart(self, tracer_provider: TracerProvider) -> Telemetry:
        """Return what finds the scope of one client alone, whose spans go to another provider."""
        made = Telemetry(self.library)
        made.set_providers(tracer_provider, self.meter_provider)
        self._apart, self._next_search_ns = self._apart or made.records, 0
        self.find_scope()
        return made

    def find_scope(self) -> Scope | None:
        """Return the scope, or None as long as nothing would be recorded.

        The providers are looked for once a millisecond at most: the API looks into the environment each time it is
        asked.
        """
        if self.scope is None and time.monotonic_ns() >= self._next_search_ns:
            with _lock.held():  # threads that begin together wait for the one that makes the scope
                if self.scope is None and time.monotonic_ns() >= self._next_search_ns:
                    self._search()
        return self.scope

    @guarded
    def _search(self) -> None:
        if self._searching:
            return  # a provider that is asked for a tracer may itself send messages
        self._searching, found = True, None
        try:
            found = self._make_scope() if self.records else None
        finally:
            self.scope, self._searching = found, False
            self._next_search_ns = time.monotonic_ns() + _SEARCH_INTERVAL_NS

    @property
    def records(self) -> bool:
        """Whether a tracer or meter provider records: one that is not the API's own, which does nothing."""
        return self._apart or _records(self.tracer_provider or trace.get_tracer_provider()) or self._records_metrics()

    def _records_metrics(self) -> bool:
        provider = self.meter_provider or metrics.get_meter_provider()
        return _records(provider) and _has_reader(provider)

    def _make_scope(self) -> Scope | None:
        provider = self.tracer_provider or trace.get_tracer_provider()
        tracer = lightened(provider, provider.get_tracer(self.name, own_version(), semconv.SCHEMA))
        meters = self.meter_provider or metrics.get_meter_provider()
        return Scope(tracer, _metrics(meters, self.name), self._records_metrics)


_given: WeakSet[Any] = WeakSet()
on_reset(_given.clear)


def given_providers() -> tuple[object, ...]:
    """Return the providers of spans and metrics that there are besides the global ones."""
    return tuple(_given)


def _keep_given(*given: object) -> None:
    for provider in given:
        with suppress(TypeError):  # one that cannot be kept weakly is for its owner to flush
            if provider is not None:
                _given.add(provider)


def _records(provider: object) -> bool:
    module = type(provider).__module__
    return not module.startswith("opentelemetry.") or ".sdk." in module


def _has_reader(provider: object) -> bool:
    # The SDK's has none with `OTEL_METRICS_EXPORTER=none`: it would make a measurement of each value, for nobody.
    consumer = getattr(provider, "_measurement_consumer", None)
    return bool(getattr(consumer, "_reader_storages", True))


watchers: list[Callable[[Meter, Metrics, bool], object]] = []
"""Functions called with a library's meter and metrics, and whether they are the first of their meter provider."""

_metrics_by_provider: WeakKeyDictionary[MeterProvider, dict[str, Metrics]] = WeakKeyDictionary()


def _metrics(provider: MeterProvider, name: str) -> Metrics:
    # A second set of instruments would be duplicates, and their counts would start at zero.
    metrics_by_name = _metrics_by_provider.setdefault(_stand_in_of(provider), {})
    if name not in metrics_by_name:
        meter = provider.get_meter(name, own_version(), semconv.SCHEMA)
        is_first, metrics_by_name[name] = not metrics_by_name, Metrics(meter)
        for watch in watchers:
            watch(meter, metrics_by_name[name], is_first)
    return metrics_by_name[name]


@on_fork
def _begin_at_zero() -> None:
    for provider, by_name in list(_metrics_by_provider.items()):
        begin_at_zero(provider, by_name.values())


def _stand_in_of(provider: MeterProvider) -> MeterProvider:
    # Before a global provider is set the API returns a proxy, whose instruments become real with the provider.
    stand_ins = (
        known_provider
        for known_provider in list(_metrics_by_provider)
        if getattr(known_provider, "_real_meter_provider", None) is provider
    )
    return next(stand_ins, provider)


@lru_cache(maxsize=1)
def own_version() -> str:
    """Return the version of otel-eda."""
    return version("otel-eda")
