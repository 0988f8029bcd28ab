"""What we know of one producer or consumer, and everything about its operations that need not be made twice."""

from __future__ import annotations

import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from otel_eda import semconv
from otel_eda.config import config
from otel_eda.core.clients.assignment import Assignment
from otel_eda.core.clients.attributes import destination_attribute
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

    from opentelemetry.trace import TracerProvider

    from otel_eda.core.message import Attributes, Identity, Message, Position
    from otel_eda.core.telemetry.hooks import Hooks
    from otel_eda.core.telemetry.providers import Scope, Telemetry


last_consumers: dict[tuple[str, str], Identity] = {}
"""Who consumed from a destination of a system last and is gone: its messages may outlive it."""
on_reset(last_consumers.clear)
POSITION_REFRESH_NS = (
    100_000_000  # nanoseconds between two looks at a consumer that can be looked at only while it polls
)


_BROKER_OPERATIONS = {"send", "receive", "settle"}
"""The types of operations that a client does at its broker."""


class Origin(Protocol):
    """Where a client's messages come from: a library."""

    system: str
    telemetry: Telemetry
    hooks: Hooks

    def message(self, item: Any, /) -> Message | None:
        """Read a message, None for anything else."""

    def positions(self, instance: Any, /) -> Iterable[Position]:
        """Tell how far a consumer is, from what it knows without asking the broker."""

    def empty(self, error: BaseException, /) -> bool:
        """Tell an exception by which a pull only says that there is no message."""

    def owner(self, item: Any, /) -> Any:
        """Give the client that an object belongs to."""

    def identify(self, instance: Any, /) -> Identity:
        """Read who a client is, from what it knows without asking the broker."""

    def learnt(self, instance: Any, /) -> Attributes | None:
        """Return attributes of spans that a client knows once it has met its broker; None as long as it has not."""


class Client(InFlight):
    """One producer or consumer of the application; lives as long as that does."""

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
        self.peer: Attributes = {}
        if identity.peer is not None:
            self.peer = {semconv.PEER_ADDRESS: identity.peer[0], semconv.PEER_PORT: identity.peer[1]}
        self.learning = True
        self.telemetry = library.telemetry
        self.own_hooks: Hooks | None = None
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
        """End what a client has begun that was dropped without being closed, but for a message still in work."""
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
        """Take the ledger of its group as it is now, which knows nothing of what came to pass before."""
        self.ledger = ledger_of(self.library.system, self.identity)
        self.routes.clear()  # they know the accounts

    def apply_settings(self) -> None:
        """Take the settings as they are now, for the routes that are in use, too."""
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
        """The scope of its library; raises `RuntimeError` if nothing records."""
        scope = self.telemetry.scope
        if scope is None:
            raise RuntimeError("nothing records")
        return scope

    @property
    def hooks(self) -> Hooks:
        """The application's functions that are called with its spans."""
        return self.library.hooks if self.own_hooks is None else self.own_hooks

    def follow(self, tracer_provider: TracerProvider | None, hooks: Hooks | None) -> None:
        """Have its spans go to a provider and to hooks of its own; without them, to those of its library."""
        telemetry = self.library.telemetry
        self.telemetry = telemetry if tracer_provider is None else telemetry.apart(tracer_provider)
        self.own_hooks = hooks

    def route(self, operation: str, type_: str, destination: str | None) -> Route:
        """Give what is known of an operation on a destination."""
        found, scope = self.routes.get((operation, destination)), self.telemetry.scope
        if found is None or (found.scope is not scope and scope is not None):
            self.learn()
            if len(self.routes) >= semconv.ATTRIBUTE_SETS:
                self.routes.clear()  # they are made anew; a server may answer to more queues than memory holds
            found = self.routes[operation, destination] = Route(
                scope=self.scope,
                ledger=self.ledger,
                attributes=self.attributes | (self.peer if type_ in _BROKER_OPERATIONS else {}),
                destination_attributes=self.metric_attributes(destination),
                settings=self.settings,
                operation=operation,
                type_=type_,
                destination=destination,
            )
        return found

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
        """Give what is known of processing messages of a destination."""
        return self.route("process", "process", destination)

    def routes_of(self, type_: str) -> list[Route]:
        """Give what is known of the operations of a type."""
        return [route for route in list(self.routes.values()) if route.type == type_]

    def metric_attributes(self, destination: str | None, partition: str | None = None) -> Attributes:
        """Give the attributes of metrics that are about no operation."""
        made = self.common_attributes | (destination_attribute(destination) if destination else {})
        return (
            made | {semconv.PARTITION: partition} if partition is not None and self.settings.partition_metrics else made
        )

    def positions(self) -> list[Position]:
        """Tell how far it is, or was when it polled last if there is no asking from here."""
        instance = self.instance()
        if instance is not None:
            self.refresh_positions(instance)
            return self._positions
        return [self._advanced(position) for position in self._positions]

    def _advanced(self, position: Position) -> Position:
        # Since it was looked at, messages were handed over that are in the account.
        following = (
            self.process_route(position.destination).partition_ledger(position.partition).next_offset(self.epoch)
        )
        return position if following is None else position._replace(offset=following)

    @guarded
    def refresh_positions(self, instance: Any) -> None:
        """Ask how far it is."""
        starts = self.assignment.starts
        found = list(self.library.positions(instance))
        self._positions = [one._replace(start=starts.get(one[:2], one.start)) for one in found] if starts else found

    def record_poll(self, instance: Any, start: int, end: int) -> None:
        """Note a pull."""
        if instance is not None and end - self._positions_read_ns > POSITION_REFRESH_NS and self.instance() is None:
            self._positions_read_ns = end
            self.refresh_positions(instance)
        self.last_poll_ns = end
        self.polling_ns += end - start

    def record_reassignment(self) -> None:
        """Note that it has other partitions, and that other members of its group may have those it had."""
        self.assignment_count += 1
        self.ledger.release()
        self.expect_any_offset()

    def expect_any_offset(self) -> None:
        """Note that the next offset is not the one after the last."""
        self.epoch = next(epochs)

    def record_consumed(self, operation: str, destination: str, partition: str | None, number: int = 1) -> None:
        """Count messages that the application was handed."""
        if destination not in self.consumed_destinations and len(self.consumed_destinations) < semconv.ATTRIBUTE_SETS:
            self.consumed_destinations.add(destination)
        self.route(operation, "receive", destination).count_consumed(partition, number)

    def record_batch(self, destination: str, partition: str | None, offsets: list[int]) -> None:
        """Note the offsets of a batch's messages from one partition."""
        if partition is not None and offsets:
            self.process_route(destination).partition_ledger(partition).record_batch(offsets, self.epoch)

    def record_commit(
        self, offsets: Mapping[tuple[str, str], int], automatic: bool, error: BaseException | None
    ) -> Attributes:
        """Count a commit of offsets by `(destination, partition)`; give what it has brought to light."""
        topics = {topic for topic, _ in offsets}
        route = self.route("commit", "settle", topics.pop() if len(topics) == 1 else None)
        attributes = route.count_attributes(None, None if error is None else error_type(error)) | {
            semconv.AUTOMATIC: automatic
        }
        self.scope.metrics.commits.count_for(attributes).number += 1
        return {} if error else self._record_skipped_and_regressed(offsets)

    def _record_skipped_and_regressed(self, offsets: Mapping[tuple[str, str], int]) -> Attributes:
        found: Attributes = {}
        for (destination, partition), (skipped, regressed) in self.ledger.commit(offsets).items():
            if skipped:
                self.process_route(destination).record_anomaly(DeliveryAnomaly.SKIPPED, partition, len(skipped))
                found[semconv.COMMIT_SKIPPED] = found.get(semconv.COMMIT_SKIPPED, 0) + len(skipped)
            if regressed:
                self.route("commit", "settle", destination).count(self.scope.metrics.regressions, partition)
                found[semconv.COMMIT_REGRESSED] = True
        return found


def _no_instance() -> None:
    """Stand in for a weak reference."""


def without_none(attributes: dict[str, Any]) -> Attributes:
    """Leave out what is None."""
    return {key: value for key, value in attributes.items() if value is not None}
