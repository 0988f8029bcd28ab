"""Metrics of clients that are observed at collection; a message costs them no more than a number that is kept."""

from __future__ import annotations

import operator
import time
from typing import TYPE_CHECKING, Any

from opentelemetry.metrics import Observation

from otel_eda import semconv
from otel_eda.core.clients import progress
from otel_eda.core.clients.instances import live_clients
from otel_eda.core.clients.progress import report_positions
from otel_eda.core.process.processing import open_processings
from otel_eda.core.runtime import guard
from otel_eda.core.runtime.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from opentelemetry.metrics import CallbackOptions, Meter

    from otel_eda.core.clients.client import Client
    from otel_eda.core.clients.routes import Route
    from otel_eda.core.message import Attributes, Position
    from otel_eda.core.process.processing import Processing
    from otel_eda.core.telemetry.instruments import Metrics

    Observed = Iterable[tuple[Attributes, float]]


def _aggregated(
    observed: Callable[[], Observed], add: Callable[[float, float], float] = operator.add
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    # Clients with the same attributes are one series of a metric.
    @guarded(default=())
    def observe(_: CallbackOptions) -> Iterable[Observation]:
        values: dict[frozenset[tuple[str, Any]], tuple[Attributes, float]] = {}
        for attributes, value in observed():
            key = frozenset(attributes.items())
            former = values.get(key)
            values[key] = attributes, value if former is None else add(former[1], value)
        return [Observation(value, attributes) for attributes, value in values.values()]

    return observe


class Monitor:
    """Observes the clients of one library: lag, positions, polls, what is in flight."""

    def __init__(self, meter: Meter, metrics: Metrics) -> None:
        self.metrics = metrics
        total, latest, ever = (
            meter.create_observable_up_down_counter,
            meter.create_observable_gauge,
            meter.create_observable_counter,
        )
        total(semconv.LAG, [_aggregated(self._lag)], "{message}", _LAG)
        latest(semconv.LAG_TIME, [_aggregated(self._lag_time, max)], "s", _LAG_TIME)
        total(semconv.PARTITIONS, [_aggregated(self._partitions)], "{partition}", _PARTITIONS)
        ever(semconv.ASSIGNMENTS, [_aggregated(self._assignment_counts)], "{assignment}", _ASSIGNMENTS)
        latest(semconv.POLL_AGE, [_aggregated(self._poll_age, max)], "s", _POLL_AGE)
        latest(semconv.POLL_LIMIT, [_aggregated(self._poll_limit, min)], "s", _POLL_LIMIT)
        ever(semconv.UNASSIGNED, [_aggregated(self._unassigned)], "s", _UNASSIGNED)
        latest(semconv.MARGIN, [_aggregated(self._margin, min)], "{message}", _MARGIN)
        ever(semconv.WAITING, [_aggregated(self._waiting_time)], "s", _WAITING)
        total(semconv.IN_FLIGHT, [_aggregated(self._in_flight)], "{message}", _IN_FLIGHT)
        latest(semconv.IN_FLIGHT_AGE, [_aggregated(self._in_flight_age, max)], "s", _IN_FLIGHT_AGE)
        latest(semconv.DEPTH, [_aggregated(self._queue_depths, max)], "{message}", _DEPTH)
        total(semconv.PENDING, [_aggregated(self._pending_sends)], "{message}", _PENDING)

    def _clients(self) -> Iterator[Client]:
        for client in live_clients():
            scope = client.library.telemetry.scope
            if scope is not None and scope.metrics is self.metrics and not client.closed:
                yield client

    def _positions(self) -> Iterator[tuple[Client, Position]]:
        for client in self._clients():
            for position in client.positions():
                yield client, position

    def _lag(self) -> Observed:
        for client, position in self._positions():
            if position.lag is not None:
                yield client.metric_attributes(position.destination, position.partition), position.lag

    def _lag_time(self) -> Observed:
        now = time.time()
        for client, position in self._positions():
            stamp = client.process_route(position.destination).last_timestamps.get(position.partition)
            if position.lag == 0:
                yield client.metric_attributes(position.destination, position.partition), 0
            elif position.lag and stamp is not None:
                yield client.metric_attributes(position.destination, position.partition), max(now - stamp / 1000, 0)

    def _partitions(self) -> Observed:
        for client in self._clients():
            report_positions(client)
            positions = client.positions()
            if positions or client.assignment_count:
                yield client.common_attributes, len(positions)

    def _assignment_counts(self) -> Observed:
        return [
            (client.common_attributes, client.assignment_count) for client in self._clients() if client.assignment_count
        ]

    def _poll_age(self) -> Observed:
        now = time.time_ns()
        return [
            (client.common_attributes, (now - client.last_poll_ns) / 1e9)
            for client in self._clients()
            if client.last_poll_ns
        ]

    def _poll_limit(self) -> Observed:
        limits = ((client.common_attributes, client.identity.max_poll_interval) for client in self._clients())
        return [
            (attributes, max_poll_interval) for attributes, max_poll_interval in limits if max_poll_interval is not None
        ]

    def _unassigned(self) -> Observed:
        return [
            (client.common_attributes, client.assignment.unassigned_ns / 1e9)
            for client in self._clients()
            if client.assignment_count
        ]

    def _margin(self) -> Observed:
        for client, position in self._positions():
            # Where nothing waits, the broker deletes nothing that was not read.
            if position.offset is not None and position.start is not None and position.lag != 0:
                yield (
                    client.metric_attributes(position.destination, position.partition),
                    max(position.offset - position.start, 0),
                )

    def _waiting_time(self) -> Observed:
        return [(client.common_attributes, client.polling_ns / 1e9) for client in self._clients() if client.polling_ns]

    def _process_routes(self) -> Iterator[Route]:
        for client in self._clients():
            yield from client.routes_of("process")

    def _open_processings(self) -> Iterator[Processing]:
        return (processing for processing in open_processings.all() if processing.route.scope.metrics is self.metrics)

    def _in_flight(self) -> Observed:
        yield from ((route.destination_attributes, 0) for route in self._process_routes())
        yield from ((processing.route.destination_attributes, 1) for processing in self._open_processings())

    def _in_flight_age(self) -> Observed:
        now = time.time_ns()
        yield from ((route.destination_attributes, 0) for route in self._process_routes())
        yield from (
            (processing.route.destination_attributes, max(now - processing.start, 0) / 1e9)
            for processing in self._open_processings()
            if not processing.went_on  # its worker waits for the next, and may only have it in a variable yet
        )

    def _queue_depths(self) -> Observed:
        return [
            (client.metric_attributes(queue), number)
            for client in self._clients()
            for queue, number in progress.recent_queue_depths(client)
        ]

    def _pending_sends(self) -> Observed:
        return [
            (client.common_attributes, len(client.pending_sends))
            for client in self._clients()
            if client.routes_of("send")
        ]


def observe(meter: Meter, metrics: Metrics, first: bool) -> None:
    """Observe the clients of a library, and, for the first library of a meter provider, otel-eda's own failures."""
    if first:
        _observe_failures(meter)
    Monitor(meter, metrics)


def _observe_failures(meter: Meter) -> None:
    """Observe otel-eda's own failures by step."""

    def failed(_: CallbackOptions) -> list[Observation]:
        return [Observation(number, {semconv.STEP: step}) for step, number in list(guard.failures.items())]

    meter.create_observable_counter(semconv.FAILURES, [failed], "{failure}", _FAILURES)


_LAG = "Number of offsets between what the consumer is to be handed next and the end of its partitions."


_LAG_TIME = "Time since the timestamp of the message handed over last, of a partition in which there are more."


_PARTITIONS = "Number of partitions that are assigned to the consumer."


_ASSIGNMENTS = "Number of times that partitions were assigned to the consumer or taken from it."


_POLL_AGE = "Time since the consumer asked for messages last."


_POLL_LIMIT = "Time after which a group throws out a consumer that has not asked for messages."


_UNASSIGNED = "Time in which the consumer had no partitions to work on, as in rebalances."


_MARGIN = (
    "Number of offsets between the first that the broker still has and what the consumer is to be handed next, "
    "where messages wait."
)


_WAITING = "Time that the consumer has spent asking for messages; the rest is the application's."


_IN_FLIGHT = "Number of messages whose processing has begun and not ended."


_IN_FLIGHT_AGE = "Time since the processing began that is going on for the longest time."


_DEPTH = "Number of messages that waited in a queue when the broker said so last."


_PENDING = "Number of messages sent that the broker has not answered."


_FAILURES = "Number of failures of otel-eda's own steps, none of which reached the application."
