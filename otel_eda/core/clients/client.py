"""One producer or consumer of the application."""

from __future__ import annotations

import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from otel_eda import semconv
from otel_eda.config import config
from otel_eda.core.clients.assignment import Assignment
from otel_eda.core.clients.in_flight import InFlight
from otel_eda.core.clients.routes import Route
from otel_eda.core.ledger.ledger import epochs, ledger_of
from otel_eda.core.ledger.partition import DeliveryAnomaly
from otel_eda.core.ledger.senders import Senders
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.state import on_reset
from otel_eda.core.telemetry.errors import error_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from otel_eda.core.message import Attributes, Identity, Message, Position
    from otel_eda.core.telemetry.providers import Scope, Telemetry


last_consumers: dict[tuple[str, str], Identity] = {}
"""The identity of the last dropped consumer, by system and destination: its messages may outlive it."""
on_reset(last_consumers.clear)
POSITION_REFRESH_NS = 100_000_000  # between two reads from a consumer that can be read only while it polls


class Origin(Protocol):
    """The library that a client belongs to, as far as a client asks it anything."""

    system: str
    telemetry: Telemetry

    def message(self, item: Any, /) -> Message | None:
        """Return the message that an object of the library stands for, or None for any other object."""

    def positions(self, instance: Any, /) -> Iterable[Position]:
        """Return how far a consumer is, from what it knows without asking the broker."""

    def empty(self, error: BaseException, /) -> bool:
        """Return whether an exception only says that a pull has found no message."""

    def owner(self, item: Any, /) -> Any:
        """Return the client that an object belongs to."""

    def identify(self, instance: Any, /) -> Identity:
        """Return the identity of a client, from what it knows without asking the broker."""


class Client(InFlight):
    """One producer or consumer, its routes, its ledger and what is open at it.

    It lives as long as the application's object. `common_attributes` are those of every metric, `attributes` those of
    every span; `epoch` names a time in which a consumer reads on without a seek; `polling_ns` is the time that it has
    spent asking for messages, `last_poll_ns` when it asked last, in nanoseconds since 1970.
    """

    def __init__(self, library: Origin, instance: Any, identity: Identity) -> None:
        super().__init__()
        self.library = library
        self.settings = config()
        self.instance = weakref.ref(instance, self.finalize) if type(instance).__weakrefoffset__ else _no_instance
        self.identity = identity
        self.common_attributes = without_none(
            {
                semconv.SYSTEM: library.system,
                semconv.GROUP: identity.group,
                semconv.SERVER_ADDRESS: identity.server_address,
                semconv.SERVER_PORT: identity.server_port,
            }
        )
        self.attributes = self.common_attributes | without_none({semconv.CLIENT_ID: identity.client_id})
        self.routes: dict[tuple[str, str | None], Route] = {}
        self.consumed_destinations: set[str] = set()
        self.ledger = ledger_of(library.system, identity)
        self.epoch = next(epochs)
        self.closed = self.manual = False
        self.assignment = Assignment()
        self.senders = Senders()
        self.queue_depths: dict[str, tuple[int, int]] = {}
        self.assignment_count = self.last_poll_ns = self.polling_ns = self._positions_read_ns = 0
        self._positions: list[Position] = []

    @guarded
    def finalize(self, _: object = None) -> None:
        """End what is open at a client that was dropped without being closed, but for messages still in work."""
        self.closed = True
        self._remember_identity()
        for _turn, watch in self.processing_by_task.values():
            if watch is not None:
                watch.close()
        for processing in [
            *self.deferred_processing,
            *(processing for processing, _ in self.processing_by_task.values()),
        ]:
            if not processing.manual and not processing.message_is_held:
                processing.end(GeneratorExit(), processing.body_ended_at or None)

    def reset(self) -> None:
        """Take the group's ledger as it is now, which knows nothing of what happened while otel-eda was off."""
        self.ledger = ledger_of(self.library.system, self.identity)
        self.routes.clear()  # they hold the former ledger

    def apply_settings(self) -> None:
        """Apply the settings as they are now, to the routes that exist, too."""
        self.settings = config()
        for route in list(self.routes.values()):
            route.apply_settings(self.settings)

    def _remember_identity(self) -> None:
        for destination in self.consumed_destinations:
            last_consumers[self.library.system, destination] = replace(self.identity, callback=None)
        while len(last_consumers) > semconv.ATTRIBUTE_SETS:
            last_consumers.pop(next(iter(last_consumers)), None)

    @property
    def scope(self) -> Scope:
        """The scope of the client's library; raises `RuntimeError` if nothing is recorded."""
        scope = self.library.telemetry.scope
        if scope is None:
            raise RuntimeError("nothing records")
        return scope

    def route(self, operation: str, type_: str, destination: str | None) -> Route:
        """Return the route of an operation on a destination, made at its first use and for a new scope."""
        route, scope = self.routes.get((operation, destination)), self.library.telemetry.scope
        if route is None or (route.scope is not scope and scope is not None):
            if len(self.routes) >= semconv.ATTRIBUTE_SETS:
                self.routes.clear()  # made again when needed; a server may answer to more queues than memory holds
            route = self.routes[operation, destination] = Route(
                scope=self.scope,
                ledger=self.ledger,
                attributes=self.attributes,
                destination_attributes=self.metric_attributes(destination),
                settings=self.settings,
                operation=operation,
                type_=type_,
                destination=destination,
            )
        return route

    def process_route(self, destination: str) -> Route:
        """Return the route for processing messages of a destination."""
        return self.route("process", "process", destination)

    def routes_of(self, type_: str) -> list[Route]:
        """Return the routes of an operation type."""
        return [route for route in list(self.routes.values()) if route.type == type_]

    def metric_attributes(self, destination: str | None, partition: str | None = None) -> Attributes:
        """Return the attributes of a metric that is about a destination or partition, and about no operation."""
        made = self.common_attributes | ({semconv.DESTINATION: destination} if destination else {})
        return (
            made | {semconv.PARTITION: partition} if partition is not None and self.settings.partition_metrics else made
        )

    def positions(self) -> list[Position]:
        """Return the positions of the consumer.

        Where it can only be asked while it polls, they are those of its last poll, moved on by the messages handed over
        since.
        """
        instance = self.instance()
        if instance is not None:
            self.refresh_positions(instance)
            return self._positions
        return [self._advanced(position) for position in self._positions]

    def _advanced(self, position: Position) -> Position:
        # The ledger knows the messages that were handed over since the positions were read.
        next_offset = (
            self.process_route(position.destination).partition_ledger(position.partition).next_offset(self.epoch)
        )
        return position if next_offset is None else position._replace(offset=next_offset)

    @guarded
    def refresh_positions(self, instance: Any) -> None:
        """Read the positions from the library's object."""
        starts = self.assignment.starts
        positions = list(self.library.positions(instance))
        self._positions = (
            [position._replace(start=starts.get(position[:2], position.start)) for position in positions]
            if starts
            else positions
        )

    def record_poll(self, instance: Any, start: int, end: int) -> None:
        """Record a pull that lasted from `start` to `end`, in nanoseconds since 1970."""
        if instance is not None and end - self._positions_read_ns > POSITION_REFRESH_NS and self.instance() is None:
            self._positions_read_ns = end
            self.refresh_positions(instance)
        self.last_poll_ns = end
        self.polling_ns += end - start

    def record_reassignment(self) -> None:
        """Record that partitions were assigned anew: other members of the group may have those that this one had."""
        self.assignment_count += 1
        self.ledger.release()
        self.expect_any_offset()

    def expect_any_offset(self) -> None:
        """Record that the next offset need not follow the last one, as after a seek."""
        self.epoch = next(epochs)

    def record_consumed(self, operation: str, destination: str, partition: str | None, number: int = 1) -> None:
        """Count messages that the application was handed, and remember their destination."""
        if destination not in self.consumed_destinations and len(self.consumed_destinations) < semconv.ATTRIBUTE_SETS:
            self.consumed_destinations.add(destination)
        self.route(operation, "receive", destination).count_consumed(partition, number)

    def record_batch(self, destination: str, partition: str | None, offsets: list[int]) -> None:
        """Record the offsets of a batch's messages from one partition in the ledger."""
        if partition is not None and offsets:
            self.process_route(destination).partition_ledger(partition).record_batch(offsets, self.epoch)

    def record_commit(
        self, offsets: Mapping[tuple[str, str], int], automatic: bool, error: BaseException | None
    ) -> Attributes:
        """Count a commit of offsets by `(destination, partition)`.

        Returns the span attributes that say how many messages it has skipped, and whether it went back.
        """
        topics = {topic for topic, _ in offsets}
        route = self.route("commit", "settle", topics.pop() if len(topics) == 1 else None)
        attributes = route.count_attributes(None, None if error is None else error_type(error)) | {
            semconv.AUTOMATIC: automatic
        }
        self.scope.metrics.commits.count_for(attributes).number += 1
        return {} if error else self._record_skipped_and_regressed(offsets)

    def _record_skipped_and_regressed(self, offsets: Mapping[tuple[str, str], int]) -> Attributes:
        attributes: Attributes = {}
        for (destination, partition), (skipped, regressed) in self.ledger.commit(offsets).items():
            if skipped:
                self.process_route(destination).record_anomaly(DeliveryAnomaly.SKIPPED, partition, len(skipped))
                attributes[semconv.COMMIT_SKIPPED] = attributes.get(semconv.COMMIT_SKIPPED, 0) + len(skipped)
            if regressed:
                self.route("commit", "settle", destination).count(self.scope.metrics.regressions, partition)
                attributes[semconv.COMMIT_REGRESSED] = True
        return attributes


def _no_instance() -> None:
    """Return None, as a weak reference does whose object is gone: this object allows no weak references."""


def without_none(attributes: dict[str, Any]) -> Attributes:
    """Return the attributes that have a value."""
    return {key: value for key, value in attributes.items() if value is not None}
