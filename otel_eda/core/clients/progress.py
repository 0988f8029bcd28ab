"""The progress of a consumer, as events and numbers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from otel_eda import semconv
from otel_eda.core.ledger.partition import DeliveryAnomaly
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.telemetry import events

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_eda.core.clients.assignment import AssignmentChange
    from otel_eda.core.clients.client import Client
    from otel_eda.core.clients.routes import Route
    from otel_eda.core.message import Message, Position


@guarded
def assignment_changed(client: Client, change: AssignmentChange, partitions: Iterable[Any]) -> None:
    """Record a change of a consumer's partitions, and emit an event for each one gained or lost.

    `partitions` are tuples that begin with topic and partition.
    """
    if client.closed:
        report_last_commits(client)  # the ledger forgets them with the partitions
    client.record_reassignment()
    gained, lost = client.assignment.change(change, {(str(item[0]), str(item[1])) for item in partitions})
    for name, changed in ((semconv.REVOKED, lost), (semconv.ASSIGNED, gained)):
        for destination, partition in sorted(changed):
            events.emit(name, _partition_attributes(client, destination, partition))


@guarded
def report_positions(client: Client, at_once: bool = False) -> None:
    """Emit an event for each partition on which a consumer's position, or what it has committed, has changed."""
    _report(client, client.positions(), at_once)


@guarded
def report_last_commits(client: Client) -> None:
    """Emit an event for each partition on which a consumer has committed since its last report, as a close does."""
    _report(client, client.assignment.reported_positions, at_once=True)


def _report(client: Client, positions: Iterable[Position], at_once: bool) -> None:
    known = [_with_committed(client, position) for position in positions]
    for position in client.assignment.changed_positions(known, at_once):
        offsets = {
            semconv.NEXT: position.offset,
            semconv.START: position.start,
            semconv.END: position.end,
            semconv.COMMITTED: position.committed,
        }
        attributes = {key: value for key, value in offsets.items() if value is not None}
        events.emit(
            semconv.POSITION, _partition_attributes(client, position.destination, position.partition) | attributes
        )


def _with_committed(client: Client, position: Position) -> Position:
    partition_ledger = client.ledger.partition_ledgers.get((position.destination, position.partition))
    committed = None if partition_ledger is None else partition_ledger.committed
    return position if committed is None else position._replace(committed=committed)


def _partition_attributes(client: Client, destination: str, partition: str) -> dict[str, Any]:
    return client.attributes | {semconv.DESTINATION: destination, semconv.PARTITION: partition}


QUEUE_DEPTH_FRESH_NS = 300_000_000_000
"""The time after which a queue's depth is no longer reported."""


def note_queue_depth(client: Client, queue: str, number: int) -> None:
    """Remember the number of messages in a queue, as the broker has just stated it."""
    if len(client.queue_depths) >= semconv.ATTRIBUTE_SETS:
        client.queue_depths.clear()
    client.queue_depths[queue] = number, time.monotonic_ns()


def recent_queue_depths(client: Client) -> list[tuple[str, int]]:
    """Return the depth of each queue that the broker has stated in the last five minutes."""
    since = time.monotonic_ns() - QUEUE_DEPTH_FRESH_NS
    return [(queue, number) for queue, (number, at) in list(client.queue_depths.items()) if at >= since]


@guarded
def record_redelivery(client: Client, route: Route, message: Message) -> None:
    """Record what the broker says of a message that it has delivered before; of offsets the ledger knows better."""
    if message.ready_count is not None:
        note_queue_depth(client, message.queue or message.destination, message.ready_count)
    if message.redelivered:
        route.record_anomaly(DeliveryAnomaly.REDELIVERED, message.partition)
    elif message.attributes and semconv.DEATHS in message.attributes:
        route.count(route.scope.metrics.dead_lettered, message.partition)
