"""One pull: its duration, its span if it is to have one, its metrics."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import Link

from otel_eda import semconv
from otel_eda.core.clients.attributes import add_position, described
from otel_eda.core.ledger.partition import DeliveryAnomaly
from otel_eda.core.ledger.senders import shared_senders
from otel_eda.core.runtime.contexts import EMPTY, current_context, outside_loops, with_span
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.operations import RECEIVE, TIMED, current_operation
from otel_eda.core.telemetry import errors
from otel_eda.core.telemetry.errors import ENDS
from otel_eda.core.telemetry.templates import given

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from opentelemetry.context import Context
    from opentelemetry.trace import Span, SpanContext
    from typing_extensions import Self

    from otel_eda.core.clients.client import Client
    from otel_eda.core.clients.routes import Route
    from otel_eda.core.message import Message
    from otel_eda.core.propagation.trust import Polled
    from otel_eda.core.runtime.operations import Operation

    Read = Callable[[Any], Message | None]


NO_ARGUMENTS: tuple[tuple[Any, ...], dict[str, Any]] = (), {}
_NOT_FAILURES = (StopIteration, StopAsyncIteration, *ENDS)


class Pull:
    """A pull of one message by a loop, from its call to what is known of the message, which `read` makes of a record.

    `timed` says that its duration is recorded, of which `consumer` is told.
    """

    __slots__ = ("client", "operation", "operation_name", "read", "record", "start")

    operation: Operation
    consumer: Any = None
    timed = False
    types = RECEIVE

    def __init__(self, client: Client, operation: str, read: Read) -> None:
        self.client, self.operation_name, self.read = client, operation, read
        self.record: Any = None
        self.start = time.time_ns()

    @property
    def is_inner(self) -> bool:
        """Whether it runs inside of another pull, which then has the span."""
        return bool(self.operation.outer & RECEIVE)

    def raised(self, error: BaseException) -> None:
        """End the library's pull, which has raised an exception."""
        self.operation.leave()
        self.end_with_error(error)

    def pulled(self, result: Any) -> Self:
        """End the library's pull, and return the pull with the record that it has given, or an inner one has found."""
        self.operation.leave()
        self.record = result if self.operation.record is None else self.operation.record
        return self

    @guarded
    def end_with_error(self, error: BaseException) -> None:
        """Record an exception as a failure of the pull.

        The end of an iteration, a cancellation, and an exception that says that there is no message are no failures.
        """
        if not self.is_inner and not isinstance(error, _NOT_FAILURES) and not self.client.library.empty(error):
            self.record_failure(error)

    @guarded
    def record_duration(self, destination: str | None, error: str | None, context: Context | None = None) -> None:
        """Record the duration of the pull, in the context of its span if it has one."""
        route = self.client.route(self.operation_name, "receive", destination)
        end = max(time.time_ns(), self.start)
        self.client.record_poll(self.consumer, self.start, end)
        if route.scope.records_durations or route.scope.check_durations(end):
            usual = route.usual_durations if error is None else None
            (usual or route.own_durations(None, error)).record((end - self.start) / 1e9, context, end)

    @guarded
    def record_failure(self, error: BaseException) -> None:
        """Record a span of a pull that raised an exception."""
        route = self.client.route(self.operation_name, "receive", None)
        span = self._span(route, {}, ())
        kind = errors.record(span, error, "receive")
        span.end()
        self.record_duration(None, kind, with_span(EMPTY, span))

    def message(self) -> Message | None:
        """Count and return the pulled message, or return None; record a span if every pull is to have one."""
        message = self.read_message() if self.timed else self.read(self.record)
        if message is not None:
            self.client.record_consumed(self.operation_name, message.destination, message.partition)
            if message.sender is not None:
                note_arrival(self.client, message)
            if self.client.settings.receive_spans == "all":
                self._record_message_span(message)
        return message

    def read_message(self) -> Message | None:
        """Return the pulled message or None, and record the duration of the pull if it is timed."""
        message = self.read(self.record)
        if self.timed:
            self.record_duration(message.destination if message else None, None)
        return message

    def _record_message_span(self, message: Message) -> None:
        route = self.client.route(self.operation_name, "receive", message.destination)
        origin = route.incoming(message.headers)[1]
        links = [_link(message, origin)] if origin else []
        self._span(route, described(route, message, None)[0], links).end()

    def _span(self, route: Route, attributes: Mapping[str, Any], links: Iterable[Link]) -> Span:
        context = outside_loops(current_context())
        return route.scope.start_like(route.template, context, route.kind, self.start, given(attributes, list(links)))


class Receiving(Pull):
    """A pull by a call with arguments."""

    __slots__ = ("args", "consumer", "kwargs", "timed", "types")

    def __init__(
        self,
        client: Client,
        consumer: Any,
        operation: str,
        read: Read | None = None,
        *,
        timed: bool = False,
        call: tuple[tuple[Any, ...], dict[str, Any]] = NO_ARGUMENTS,
    ) -> None:
        super().__init__(client, operation, read or client.library.message)
        self.args, self.kwargs = call
        self.consumer = consumer
        self.timed = timed and not current_operation.get().types & TIMED
        self.types = RECEIVE | TIMED if self.timed else RECEIVE

    def returned(self, result: Any) -> Any:
        """End the call, and return its result."""
        self.operation.leave()
        return result

    def record_failure(self, error: BaseException) -> None:
        """Record a span of a pull that raised an exception."""
        self.consumer = None  # it may be closed, and then it cannot be asked for its positions
        super().record_failure(error)

    def record_batch(self, polled: list[Polled]) -> None:
        """Record the span of a pull that returned a batch, linked to its messages, and count these."""
        topics = {message.destination for message, _, _ in polled}
        topic = topics.pop() if len(topics) == 1 else None
        if self.timed:
            self.record_duration(topic, None)
        by_partition: dict[tuple[str, str | None], list[int | None]] = {}
        for message, _, _ in polled:
            by_partition.setdefault((message.destination, message.partition), []).append(message.offset)
        for (destination, partition), offsets in by_partition.items():
            self.client.record_consumed(self.operation_name, destination, partition, len(offsets))
            self.client.record_batch(destination, partition, [offset for offset in offsets if offset is not None])
        if polled and self.client.settings.receive_spans != "none":
            route = self.client.route(self.operation_name, "receive", topic)
            attributes: dict[str, Any] = {semconv.BATCH_COUNT: len(polled)}
            partitions = {message.partition for message, _, _ in polled}
            if topic is not None and len(partitions) == 1:
                attributes[semconv.PARTITION] = partitions.pop()
            self._span(
                route, attributes, [_link(message, origin) for message, _, origin in polled if origin is not None]
            ).end()


def _link(message: Message, origin: SpanContext) -> Link:
    attributes: dict[str, Any] = {}
    add_position(attributes, message)
    return Link(origin, attributes)


def note_arrival(client: Client, message: Message) -> None:
    """Record the arrival of a numbered message; what it reveals is added to the message's attributes."""
    if message.sender is None or message.sequence is None:
        return
    route = client.process_route(message.destination)
    senders = shared_senders if message.shared else client.senders
    repeated, out_of_order, missed = senders.of(message.sender).record_arrival(message.sequence)
    attributes: dict[str, Any] = {}
    if repeated:
        route.record_anomaly(DeliveryAnomaly.REDELIVERED, None)
        attributes = {semconv.REDELIVERED: True}
    elif out_of_order:
        route.record_anomaly(DeliveryAnomaly.OUT_OF_ORDER, None)
        attributes = {semconv.MISORDERED: True}
    elif missed:
        route.count(client.scope.metrics.missed, number=missed)
        attributes = {semconv.MISSED: missed}
    message.attributes = {**(message.attributes or {}), **attributes}
