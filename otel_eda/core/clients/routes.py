"""A client's operation on one destination: everything that its messages need, made once."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import SpanKind

from otel_eda import semconv
from otel_eda.core.propagation import trust
from otel_eda.core.telemetry.templates import Template

if TYPE_CHECKING:
    from otel_eda.config import Config
    from otel_eda.core.ledger.ledger import Ledger
    from otel_eda.core.ledger.partition import DeliveryAnomaly, PartitionLedger
    from otel_eda.core.message import Attributes
    from otel_eda.core.telemetry.histograms import Durations, Histogram
    from otel_eda.core.telemetry.instruments import Count, Counter
    from otel_eda.core.telemetry.providers import Scope


SPAN_KINDS = {
    "create": SpanKind.PRODUCER,
    "send": SpanKind.PRODUCER,
    "receive": SpanKind.CLIENT,
    "process": SpanKind.CONSUMER,
    "settle": SpanKind.CLIENT,
}


def purpose(destination: str, settings: Config) -> str | None:
    """Return what a destination is for by its name: `dead_lettered` or `retried` messages, or None for any other."""
    name = destination.lower()
    if any(fnmatchcase(name, pattern) for pattern in settings.dead_letters):
        return "dead_lettered"
    return "retried" if any(fnmatchcase(name, pattern) for pattern in settings.retries) else None


class Route:
    """One client's operation on one destination: its span's name and attributes, its metrics, its settings.

    `destination_attributes` are those of metrics about the destination, `operation_attributes` those of metrics about
    the operation; `incoming` reads the context from headers; `last_timestamps` are those of the messages handed over
    last, in milliseconds since 1970, by partition. `usual_count` counts messages without an error, and
    `usual_durations` and `usual_waits` record their durations; each is None before the first of them, and where each
    partition has its own.
    """

    __slots__ = (
        "_counts",
        "_durations",
        "_ledger",
        "_library",
        "by_partition",
        "captures_content",
        "captures_key",
        "destination",
        "destination_attributes",
        "incoming",
        "injects",
        "kind",
        "last_timestamps",
        "ledgers",
        "operation_attributes",
        "purpose",
        "scope",
        "settings",
        "template",
        "type",
        "usual_count",
        "usual_durations",
        "usual_waits",
    )

    _counts: dict[tuple[Counter, str | None, str | None], Count]
    ledgers: dict[str, PartitionLedger]
    _durations: dict[Histogram | tuple[Histogram, str | None, str | None], Durations]

    def __init__(
        self,
        *,
        scope: Scope,
        ledger: Ledger,
        attributes: Attributes,
        destination_attributes: Attributes,
        settings: Config,
        library: str,
        operation: str,
        type_: str,
        destination: str | None,
    ) -> None:
        self.scope, self.destination = scope, destination or ""
        self.type, self.kind = type_, SPAN_KINDS[type_]
        self.destination_attributes = destination_attributes
        self.operation_attributes = destination_attributes | {semconv.OPERATION: operation}
        name = f"{operation} {destination}" if destination else operation
        self.template = Template(name, attributes | self.operation_attributes | {semconv.OPERATION_TYPE: type_})
        if type_ == "send":
            self.operation_attributes.pop(semconv.GROUP, None)
        self.last_timestamps: dict[str | None, int] = {}
        self._counts, self._durations, self.ledgers, self._ledger = {}, {}, {}, ledger
        self._library = library
        self.apply_settings(settings)

    def apply_settings(self, settings: Config) -> None:
        """Apply the settings that each message of the operation depends on."""
        self.settings = settings
        self.incoming = trust.incoming(self.destination, settings)
        self.injects = settings.injects(self._library, self.destination)
        self.by_partition = settings.partition_metrics
        self.captures_key = settings.capture_key != "off"
        self.captures_content = bool(self.captures_key or settings.capture_headers or settings.capture_body_size)
        self.purpose = purpose(self.destination, settings) if self.type == "send" else None
        self.usual_count: Count | None = None
        self.usual_durations: Durations | None = None
        self.usual_waits: Durations | None = None

    def own_durations(self, partition: str | None, error: str | None) -> Durations:
        """Return what records durations of the operation; `usual_durations` are those of one without an error."""
        metrics = self.scope.metrics
        histogram = metrics.process_duration if self.type == "process" else metrics.operation_duration
        durations = self.durations(histogram, partition, error)
        if error is None and not self.by_partition:
            self.usual_durations = durations
        return durations

    def waits(self, partition: str | None) -> Durations:
        """Return what records how long messages waited; it is kept in `usual_waits` as that of durations is."""
        durations = self.durations(self.scope.metrics.queue_duration, partition)
        if not self.by_partition:
            self.usual_waits = durations
        return durations

    def durations(self, histogram: Histogram, partition: str | None = None, error: str | None = None) -> Durations:
        """Return what records durations of the operation in a histogram, kept for each partition and error."""
        if error is None and not self.by_partition:
            key: Histogram | tuple[Histogram, str | None, str | None] = histogram
        else:
            key = histogram, partition if self.by_partition else None, error
        return self._durations.get(key) or self._new_durations(key, histogram, self.count_attributes(partition, error))

    def _new_durations(self, key: Any, histogram: Histogram, attributes: Attributes) -> Durations:
        if self.type != "process":
            attributes[semconv.OPERATION_TYPE] = self.type
        durations = self._durations[key] = histogram.durations_for(attributes)
        return durations

    def count_attributes(self, partition: str | None, error: str | None) -> Attributes:
        """Return the attributes of a count."""
        attributes = dict(self.operation_attributes)
        if partition is not None and self.by_partition:
            attributes[semconv.PARTITION] = partition
        if error is not None:
            attributes[semconv.ERROR_TYPE] = error
        return attributes

    def count(self, counter: Counter, partition: str | None = None, error: str | None = None, number: int = 1) -> None:
        """Add messages to a counter."""
        key = (counter, partition if self.by_partition else None, error)
        count = self._counts.get(key)
        if count is None:
            count = self._counts[key] = counter.count_for(self.count_attributes(partition, error))
        count.number += number

    def count_sent(self, partition: str | None, error: str | None, number: int = 1) -> None:
        """Count messages whose send has ended, and those that were sent to a retry or dead-letter destination."""
        usual = self.usual_count if error is None else None
        (usual or self._message_count(self.scope.metrics.sent, partition, error)).number += number
        if self.purpose is not None and error is None:
            self.count(getattr(self.scope.metrics, self.purpose), partition, None, number)

    def consumed(self, partition: str | None) -> Count:
        """Return the count of messages that the application was handed; it is kept in `usual_count` if it can be."""
        return self._message_count(self.scope.metrics.consumed, partition, None)

    def settled(self, error: str | None) -> Count:
        """Return the count of messages that were settled; it is kept in `usual_count` as that of consumed ones is."""
        return self._message_count(self.scope.metrics.settled, None, error)

    def _message_count(self, counter: Counter, partition: str | None, error: str | None) -> Count:
        self.count(counter, partition, error, 0)
        count = self._counts[counter, partition if self.by_partition else None, error]
        if error is None and not self.by_partition:
            self.usual_count = count
        return count

    def partition_ledger(self, partition: str) -> PartitionLedger:
        """Return the ledger of a partition of the destination."""
        partition_ledger = self.ledgers.get(partition)
        if partition_ledger is None:
            partition_ledger = self.ledgers[partition] = self._ledger.partition_ledger(self.destination, partition)
        return partition_ledger

    def record_anomaly(self, anomaly: DeliveryAnomaly, partition: str | None, number: int = 1) -> None:
        """Count messages of which the ledger has reported an irregular delivery."""
        self.count(self.scope.metrics.counter(anomaly.value), partition, number=number)
