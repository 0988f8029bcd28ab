"""What a client's operation on one destination needs for each message, made once."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from opentelemetry.trace import SpanKind

from otel_eda import semconv
from otel_eda.config import config

if TYPE_CHECKING:
    from otel_eda.core.ledger.ledger import Ledger
    from otel_eda.core.ledger.partition import DeliveryAnomaly, PartitionLedger
    from otel_eda.core.message import Attributes
    from otel_eda.core.telemetry.instruments import Count, Counter
    from otel_eda.core.telemetry.providers import Scope


KINDS = {
    "create": SpanKind.PRODUCER,
    "send": SpanKind.PRODUCER,
    "receive": SpanKind.CLIENT,
    "process": SpanKind.CONSUMER,
    "settle": SpanKind.CLIENT,
}


def purpose(destination: str) -> str | None:
    """Tell by its name what a destination is for: `dead_lettered` or `retried` messages, None for any others."""
    name, settings = destination.lower(), config()
    if any(fnmatchcase(name, pattern) for pattern in settings.dead_letters):
        return "dead_lettered"
    return "retried" if any(fnmatchcase(name, pattern) for pattern in settings.retries) else None


class Route:
    """One client's operation on one destination: its span's name and attributes, and its metrics."""

    __slots__ = (
        "_counts",
        "_ledger",
        "_measures",
        "_messages",
        "_partition_ledgers",
        "_partitioned",
        "attributes",
        "destination",
        "kind",
        "measured",
        "name",
        "place",
        "purpose",
        "scope",
        "stamps",
        "type",
    )

    def __init__(
        self,
        *,
        scope: Scope,
        ledger: Ledger,
        attributes: Attributes,
        place: Attributes,
        operation: str,
        type_: str,
        destination: str | None,
    ) -> None:
        self.scope = scope
        self.destination = destination or ""
        self.type = type_
        self.kind = KINDS[type_]
        self.name = f"{operation} {destination}" if destination else operation
        self.place = place
        self.measured = self.place | {semconv.OPERATION: operation}
        self.attributes = attributes | self.measured | {semconv.OPERATION_TYPE: type_}
        self.stamps: dict[str | None, int] = {}
        self.purpose = purpose(self.destination) if type_ == "send" else None
        if type_ == "send":
            self.measured.pop(semconv.GROUP, None)
        self._counts: dict[tuple[Counter, str | None, str | None], Count] = {}
        self._measures: dict[tuple[str | None, str | None], Attributes] = {}
        self._ledger = ledger
        self._partition_ledgers: dict[str, PartitionLedger] = {}
        self._partitioned = config().partition_metrics
        self._messages: Count | None = None

    def measures(self, partition: str | None = None, error: str | None = None) -> Attributes:
        """Give the attributes of a duration."""
        key = (partition if self._partitioned else None, error)
        made = self._measures.get(key)
        if made is None:
            made = self._measures[key] = self.counted(partition, error)
            if self.type != "process":
                made[semconv.OPERATION_TYPE] = self.type
        return made

    def counted(self, partition: str | None, error: str | None) -> Attributes:
        """Give the attributes of a count."""
        made = dict(self.measured)
        if partition is not None and self._partitioned:
            made[semconv.PARTITION] = partition
        if error is not None:
            made[semconv.ERROR_TYPE] = error
        return made

    def count(self, counter: Counter, partition: str | None = None, error: str | None = None, number: int = 1) -> None:
        """Count messages."""
        key = (counter, partition if self._partitioned else None, error)
        found = self._counts.get(key)
        if found is None:
            found = self._counts[key] = counter.of(self.counted(partition, error))
        found.number += number

    def sent(self, partition: str | None, error: str | None, number: int = 1) -> None:
        """Count messages whose send came to its end."""
        self._passed(self.scope.metrics.sent, partition, error, number)
        if self.purpose is not None and error is None:
            self.count(getattr(self.scope.metrics, self.purpose), partition, None, number)

    def consumed(self, partition: str | None, number: int) -> None:
        """Count messages that the application was handed."""
        self._passed(self.scope.metrics.consumed, partition, None, number)

    def _passed(self, counter: Counter, partition: str | None, error: str | None, number: int) -> None:
        if error is None and self._messages is not None:
            self._messages.number += number
            return
        self.count(counter, partition, error, number)
        if not self._partitioned:
            self._messages = self._counts.get((counter, None, None))

    def partition_ledger(self, partition: str) -> PartitionLedger:
        """Give the ledger's account of a partition."""
        found = self._partition_ledgers.get(partition)
        if found is None:
            found = self._partition_ledgers[partition] = self._ledger.partition_ledger(self.destination, partition)
        return found

    def record_anomaly(self, anomaly: DeliveryAnomaly, partition: str | None, number: int = 1) -> None:
        """Count what the ledger tells."""
        self.count(self.scope.metrics.of(anomaly.value), partition, number=number)
