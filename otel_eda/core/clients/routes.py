"""What a client's operation on one destination needs for each message, made once."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from opentelemetry.trace import SpanKind

from otel_eda import semconv

if TYPE_CHECKING:
    from otel_eda.config import Config
    from otel_eda.core.ledger.ledger import Ledger
    from otel_eda.core.ledger.partition import DeliveryAnomaly, PartitionLedger
    from otel_eda.core.message import Attributes
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
    """Tell by its name what a destination is for: `dead_lettered` or `retried` messages, None for any others."""
    name = destination.lower()
    if any(fnmatchcase(name, pattern) for pattern in settings.dead_letters):
        return "dead_lettered"
    return "retried" if any(fnmatchcase(name, pattern) for pattern in settings.retries) else None


class Route:
    """One client's operation on one destination: its span's name and attributes, and its metrics."""

    __slots__ = (
        "_counts",
        "_duration_attributes",
        "_ledger",
        "_message_count",
        "_partition_ledgers",
        "attributes",
        "by_partition",
        "captures_content",
        "destination",
        "destination_attributes",
        "kind",
        "last_timestamps",
        "name",
        "operation_attributes",
        "purpose",
        "scope",
        "settings",
        "type",
    )

    _counts: dict[tuple[Counter, str | None, str | None], Count]
    _duration_attributes: dict[tuple[str | None, str | None], Attributes]
    _partition_ledgers: dict[str, PartitionLedger]

    def __init__(
        self,
        *,
        scope: Scope,
        ledger: Ledger,
        attributes: Attributes,
        destination_attributes: Attributes,
        settings: Config,
        operation: str,
        type_: str,
        destination: str | None,
    ) -> None:
        self.scope = scope
        self.destination = destination or ""
        self.type, self.kind = type_, SPAN_KINDS[type_]
        self.name = f"{operation} {destination}" if destination else operation
        self.destination_attributes = destination_attributes
        self.operation_attributes = destination_attributes | {semconv.OPERATION: operation}
        self.attributes = attributes | self.operation_attributes | {semconv.OPERATION_TYPE: type_}
        if type_ == "send":
            self.operation_attributes.pop(semconv.GROUP, None)
        self.last_timestamps: dict[str | None, int] = {}
        self._counts, self._duration_attributes, self._partition_ledgers = {}, {}, {}
        self._ledger = ledger
        self.apply_settings(settings)

    def apply_settings(self, settings: Config) -> None:
        """Take the settings that each message of the operation depends on."""
        self.settings = settings
        self.by_partition = settings.partition_metrics
        self.captures_content = bool(
            settings.capture_key != "off" or settings.capture_headers or settings.capture_body_size
        )
        self.purpose = purpose(self.destination, settings) if self.type == "send" else None
        self._message_count: Count | None = None

    def duration_attributes(self, partition: str | None = None, error: str | None = None) -> Attributes:
        """Give the attributes of a duration."""
        key = (partition if self.by_partition else None, error)
        made = self._duration_attributes.get(key)
        if made is None:
            made = self._duration_attributes[key] = self.count_attributes(partition, error)
            if self.type != "process":
                made[semconv.OPERATION_TYPE] = self.type
        return made

    def count_attributes(self, partition: str | None, error: str | None) -> Attributes:
        """Give the attributes of a count."""
        made = dict(self.operation_attributes)
        if partition is not None and self.by_partition:
            made[semconv.PARTITION] = partition
        if error is not None:
            made[semconv.ERROR_TYPE] = error
        return made

    def count(self, counter: Counter, partition: str | None = None, error: str | None = None, number: int = 1) -> None:
        """Count messages."""
        key = (counter, partition if self.by_partition else None, error)
        found = self._counts.get(key)
        if found is None:
            found = self._counts[key] = counter.count_for(self.count_attributes(partition, error))
        found.number += number

    def count_sent(self, partition: str | None, error: str | None, number: int = 1) -> None:
        """Count messages whose send came to its end."""
        self._count_messages(self.scope.metrics.sent, partition, error, number)
        if self.purpose is not None and error is None:
            self.count(getattr(self.scope.metrics, self.purpose), partition, None, number)

    def count_consumed(self, partition: str | None, number: int) -> None:
        """Count messages that the application was handed."""
        self._count_messages(self.scope.metrics.consumed, partition, None, number)

    def _count_messages(self, counter: Counter, partition: str | None, error: str | None, number: int) -> None:
        if error is None and self._message_count is not None:
            self._message_count.number += number
            return
        self.count(counter, partition, error, number)
        if not self.by_partition:
            self._message_count = self._counts.get((counter, None, None))

    def partition_ledger(self, partition: str) -> PartitionLedger:
        """Give the ledger's account of a partition."""
        found = self._partition_ledgers.get(partition)
        if found is None:
            found = self._partition_ledgers[partition] = self._ledger.partition_ledger(self.destination, partition)
        return found

    def record_anomaly(self, anomaly: DeliveryAnomaly, partition: str | None, number: int = 1) -> None:
        """Count what the ledger tells."""
        self.count(self.scope.metrics.counter(anomaly.value), partition, number=number)
