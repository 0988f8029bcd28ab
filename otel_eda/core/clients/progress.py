"""How far a consumer is with what it reads, as events and numbers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from otel_eda import semconv
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.telemetry import events

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otel_eda.core.clients.assignment import AssignmentChange
    from otel_eda.core.clients.client import Client


@guarded
def assignment_changed(client: Client, change: AssignmentChange, about: Iterable[Any]) -> None:
    """Note and tell a change of a consumer's partitions, given as tuples that begin with topic and partition."""
    client.record_reassignment()
    gained, lost = client.assignment.change(change, {(str(one[0]), str(one[1])) for one in about})
    for name, places in ((semconv.REVOKED, lost), (semconv.ASSIGNED, gained)):
        for destination, partition in sorted(places):
            events.emit(name, _partition_attributes(client, destination, partition))


@guarded
def report_positions(client: Client, at_once: bool = False) -> None:
    """Tell how far a consumer is with its partitions, where that has changed."""
    for position in client.assignment.changed_positions(client.positions(), at_once):
        partition_ledger = client.ledger.partition_ledgers.get((position.destination, position.partition))
        known = {
            semconv.NEXT: position.offset,
            semconv.START: position.start,
            semconv.END: position.end,
            semconv.COMMITTED: partition_ledger and partition_ledger.committed,
        }
        told = {key: value for key, value in known.items() if value is not None}
        events.emit(semconv.POSITION, _partition_attributes(client, position.destination, position.partition) | told)


def _partition_attributes(client: Client, destination: str, partition: str) -> dict[str, Any]:
    return client.attributes | {semconv.DESTINATION: destination, semconv.PARTITION: partition}


QUEUE_DEPTH_FRESH_NS = 300_000_000_000
"""Nanoseconds after which what was said is no news any more."""


def note_queue_depth(client: Client, queue: str, number: int) -> None:
    """Note what the broker says."""
    if len(client.queue_depths) >= semconv.ATTRIBUTE_SETS:
        client.queue_depths.clear()
    client.queue_depths[queue] = number, time.monotonic_ns()


def recent_queue_depths(client: Client) -> list[tuple[str, int]]:
    """Give what it has said not too long ago, by queue."""
    since = time.monotonic_ns() - QUEUE_DEPTH_FRESH_NS
    return [(queue, number) for queue, (number, at) in list(client.queue_depths.items()) if at >= since]
