"""One producer or consumer of the application."""

from __future__ import annotations

import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from otel_eda import semconv
from otel_eda.config import config
from otel_eda.core.clients.assignment import Assignment
from otel_eda.core.clients.attributes import destination_attribute, peer_attributes, without_none
from otel_eda.core.clients.in_flight import InFlight
from otel_eda.core.clients.routes import Route
from otel_eda.core.ledger.ledger import epochs, ledger_of
from otel_eda.core.ledger.partition import DeliveryAnomaly
from otel_eda.core.ledger.senders import Senders
from otel_eda.core.runtime import finalizers
from otel_eda.core.runtime.bounds import drop_oldest
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.state import on_reset
from otel_eda.core.telemetry.errors import error_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from opentelemetry.trace import TracerProvider

    from otel_eda.core.message import Attributes, Identity, Message, Position
    from otel_eda.core.telemetry.hooks import Hooks
    from otel_eda.core.telemetry.providers import Scope, Telemetry

last_consumers: dict[tuple[str, str], Identity] = {}
"""The identity of the last dropped consumer, by system and destination: its messages may outlive it."""
on_reset(last_consumers.clear)
POSITION_REFRESH_NS = 100_000_000  # between two reads from a consumer that can be read only while it polls
_BROKER_OPERATIONS = {"send", "receive", "settle"}
"""The types of operations that a client does at its broker."""


class Origin(Protocol):
    """The library that a client belongs to; `owner` tells the client of an object that is part of it, if there are."""

    name: str
    system: str
    confined: bool
    telemetry: Telemetry
    hooks: Hooks

    def message(self, item: Any, /) -> Message | None:
        """Return the message that an object of the library stands for, or None for any other object."""

    def positions(self, instance: Any, /) -> Iterable[Position]:
        """Return how far a consumer is, from what it knows without asking the broker."""

    def empty(self, error: BaseException, /) -> bool:
        """Return whether an exception only says that a pull has found no message."""

    owner: Callable[[Any], Any] | None

    def identify(self, instance: Any, /) -> Identity:
        """Return the identity of a client, from what it knows without asking the broker."""

    def learnt(self, instance: Any, /) -> Attributes | None:
        """Return attributes of spans that a client knows once it has met its broker; None as long as it has not."""


class Client(InFlight):
    """One producer or consumer, its routes, its ledger and what is open at it.

    It lives as long as the application's object. `common_attributes` are those of every metric, `attributes` those of
    every span; `epoch` names a time in which a consumer reads on without a seek; `polling_ns` is the time that it has
    spent asking for messages, `last_poll_ns` when it asked last, in nanoseconds since 1970; `learning` says that it may
    yet learn something of its broker; `own_telemetry` and `own_hooks` take the place of the library's.
    """

    learning = True
    own_telemetry: Telemetry | None = None
    own_hooks: Hooks | None = None

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
        finalizers.take(self._end_dropped)

    @guarded
    def _end_dropped(self) -> None:
        entries = list(self.processing_by_task.values())
        for _turn, watch in entries:
            if watch is not None:
                watch.close()
        for processing in [*self.deferred_processing.copy(), *(processing for processing, _ in entries)]:
            if not processing.manual and not processing.message_is_held:
                processing.end(GeneratorExit(), processing.body_ended_at or None)

    def reset(self) -> None:
        """Take the group's ledger as it is now, which knows nothing of what happened while otel-eda was off."""
        self.ledger = ledger_of(self.library.system, self.identity)
        self.routes.clear()  # they hold the former ledger

    def forget_open(self) -> None:
        """Leave what is open to the process that this one was forked from."""
        super().forget_open()
        self.senders = Senders()  # of those that there were, a thread that is no more may hold the lock

    def apply_settings(self) -> None:
        """Apply the settings as they are now, to the routes that exist, too."""
        self.settings = config()
        for route in list(self.routes.values()):
            route.apply_settings(self.settings)

    def _remember_identity(self) -> None:
        for destination in list(self.consumed_destinations):
            last_consumers[self.library.system, destination] = replace(self.identity, callback=None)
        drop_oldest(last_consumers, semconv.ATTRIBUTE_SETS)

    @property
    def scope(self) -> Scope:
        """The scope of the client's library, or its own; raises `RuntimeError` if nothing is recorded."""
        scope = (self.own_telemetry or self.library.telemetry).scope
        if scope is None:
            raise RuntimeError("nothing records")
        return scope

    @property
    def hooks(self) -> Hooks:
        """The application's functions that are called with its spans."""
        return self.own_hooks or self.library.hooks

    def follow(self, tracer_provider: TracerProvider | None, hooks: Hooks | None) -> None:
        """Send the client's spans to a provider and hooks of its own; for None, to those of its library."""
        self.own_telemetry = None if tracer_provider is None else self.library.telemetry.apart(tracer_provider)
        self.own_hooks = hooks

    def route(self, operation: str, type_: str, destination: str | None) -> Route:
        """Return the route of an operation on a destination, made at its first use and for a new scope."""
        route = self.routes.get((operation, destination))
        scope = (self.own_telemetry or self.library.telemetry).scope
        if route is None or (route.scope is not scope and scope is not None):
            self.learn()
            if len(self.routes) >= semconv.ATTRIBUTE_SETS:
                self.routes.clear()  # made again when needed; a server may answer to more queues than memory holds
            route = self.routes[operation, destination] = Route(
                scope=self.scope,
                ledger=self.ledger,
                attributes=self.attributes | (peer_attributes(self.identity) if type_ in _BROKER_OPERATIONS else {}),
                destination_attributes=self.metric_attributes(destination),
                settings=self.settings,
                library=self.library.name,
                operation=operation,
                type_=type_,
                destination=destination,
            )
        return route

    @guarded
    def learn(self) -> Attributes | None:
        """Return what a client has come to know of its broker, once it does; None before and after."""
        instance = self.instance() if self.learning else None
        found = None if instance is None else self.library.learnt(instance)
        if found is None:
            return None
        self.learning = False
        self.attributes |= found
        self.routes.clear()
        return found

    def process_route(self, destination: str) -> Route:
        """Return the route for processing messages of a destination."""
        return self.route("process", "process", destination)

    def routes_of(self, type_: str) -> list[Route]:
        """Return the routes of an operation type."""
        return [route for route in list(self.routes.values()) if route.type == type_]

    def metric_attributes(self, destination: str | None, partition: str | None = None) -> Attributes:
        """Return the attributes of a metric that is about a destination or partition, and about no operation."""
        made = self.common_attributes | (destination_attribute(destination) if destination else {})
        known = partition is not None and self.settings.partition_metrics
        return made | {semconv.PARTITION: partition} if known else made

    def positions(self) -> list[Position]:
        """Return the positions of the consumer: those of its last poll, moved on, where no thread may ask it."""
        instance = self._askable_instance()
        if instance is not None:
            self.refresh_positions(instance)
            return self._positions
        return [self._advanced(position) for position in self._positions]

    def _askable_instance(self) -> Any:
        # That any thread may ask at any time.
        return None if self.library.confined else self.instance()

    def _advanced(self, position: Position) -> Position:
        # The ledger knows the messages that were handed over since the positions were read.
        ledger = self.process_route(position.destination).partition_ledger(position.partition)
        next_offset = ledger.next_offset(self.epoch)
        return position if next_offset is None else position._replace(offset=next_offset)

    @guarded
    def refresh_positions(self, instance: Any) -> None:
        """Read the positions from the library's object."""
        starts, positions = self.assignment.starts, list(self.library.positions(instance))
        self._positions = [position._replace(start=starts.get(position[:2], position.start)) for position in positions]

    def record_poll(self, instance: Any, start: int, end: int) -> None:
        """Record a pull that lasted from `start` to `end`, in nanoseconds since 1970."""
        if instance is not None and end - self._positions_read_ns > POSITION_REFRESH_NS:
            self._positions_read_ns = end
            self.read_positions_here(instance)
        self.last_poll_ns = end
        self.polling_ns += end - start

    def read_positions_here(self, instance: Any) -> None:
        """Read the positions of a client that other threads cannot ask, or must not; not while one closes it."""
        if not self.closed and self._askable_instance() is None:
            self.refresh_positions(instance)

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
        route = self.routes.get((operation, destination))
        if route is None or route.scope is not (self.own_telemetry or self.library.telemetry).scope:
            route = self.route(operation, "receive", destination)
        (route.usual_count or route.consumed(partition)).number += number

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
        attributes = route.count_attributes(None, None if error is None else error_type(error))
        attributes = attributes | {semconv.AUTOMATIC: automatic}
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
