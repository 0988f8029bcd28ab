"""The counts of a forked child, which begin at zero: what its parent has counted is the parent's to export."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_eda.core.runtime.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.metrics import MeterProvider

    from otel_eda.core.telemetry.instruments import Metrics

_SCOPE = "otel_eda."


@guarded
def begin_at_zero(provider: MeterProvider, every: Iterable[Metrics]) -> None:
    """Set all counts of a meter provider's instruments to zero, and forget the SDK's points of them.

    The SDK gives the child a `service.instance.id` of its own. Without this, the child would count the parent's
    messages once more, and have fewer spans than it counts. The SDK's locks are not taken: the parent's threads may
    have held them, and the child has a single thread.
    """
    for metrics in every:
        metrics.begin_at_zero()
    real: Any = getattr(provider, "_real_meter_provider", None) or provider
    consumer = getattr(real, "_measurement_consumer", None)
    for storage in list(getattr(consumer, "_reader_storages", {}).values()):
        for instrument, matches in list(storage._instrument_view_instrument_matches.items()):
            if instrument.instrumentation_scope.name.startswith(_SCOPE):
                for match in matches:
                    match._attributes_aggregation.clear()
