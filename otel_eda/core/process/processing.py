"""Process spans around code that no call of ours surrounds: the body of a loop, the time until the next pull."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context, attach, get_current
from opentelemetry.trace import Link

from otel_eda import semconv
from otel_eda.core.clients import progress
from otel_eda.core.clients.attributes import message_attributes
from otel_eda.core.ledger.partition import DeliveryAnomaly
from otel_eda.core.message import Unsettled
from otel_eda.core.process import unwinding
from otel_eda.core.propagation import trust
from otel_eda.core.runtime.contexts import EMPTY, PROCESSING, SPAN, current_context, outside_loops, skip_ended, span_in
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.state import on_fork
from otel_eda.core.runtime.tasks import task_or_thread_id
from otel_eda.core.telemetry import errors
from otel_eda.core.telemetry.errors import ENDS

if TYPE_CHECKING:
    from collections.abc import Hashable

    from opentelemetry.trace import Span, SpanContext

    from otel_eda.config import Config
    from otel_eda.core.clients.client import Client
    from otel_eda.core.clients.routes import Route
    from otel_eda.core.ledger.partition import PartitionLedger
    from otel_eda.core.message import Message
    from otel_eda.core.propagation.headers import Extracted


_OWN_REFERENCES = 2  # references to a message that only its turn holds: the turn's and the question's own

open_processings: dict[int, Processing] = {}
"""Every turn that has not ended, by the identity of its message."""


class Processing:
    """The processing of one message: its span, and the context that was current before it."""

    __slots__ = (
        "anomaly",
        "body_ended_at",
        "client",
        "context",
        "detached",
        "done",
        "failure",
        "in_callback",
        "inherited",
        "key",
        "manual",
        "offset",
        "outer_context",
        "owner",
        "partition",
        "partition_ledger",
        "pending_error",
        "record",
        "route",
        "span",
        "start",
        "timestamp",
    )

    span: Span
    context: Context
    offset: int
    key: Hashable

    def __init__(
        self,
        client: Client,
        route: Route,
        record: Any,
        message: Message,
        *,
        outer_context: Context,
        manual: bool,
        owner: int | None = None,
    ) -> None:
        self.client, self.route = client, route
        self.record = record if message.record is None else message.record
        self.outer_context = outer_context
        self.manual = self.detached = manual
        self.owner = task_or_thread_id() if owner is None else owner
        self.pending_error = unwinding.handled_error()
        self.timestamp, self.partition = message.timestamp, message.partition
        self.done = self.inherited = self.in_callback = False
        self.failure: BaseException | None = None
        self.partition_ledger: PartitionLedger | None = None
        self.anomaly: DeliveryAnomaly | None = None
        self.body_ended_at = 0
        self.start = time.time_ns()

    @guarded
    def end(self, error: BaseException | None = None, at: int | None = None) -> None:
        """End it, and let no failure of that reach who asks for it."""
        self.end_unguarded(error, at)

    def end_unguarded(self, error: BaseException | None = None, at: int | None = None) -> None:
        """End the span, as failed or abandoned (`GeneratorExit`) with an error; the context before it is back."""
        if self.done:
            return
        self.done = True
        if open_processings.get(id(self.record)) is self:
            del open_processings[id(self.record)]
        self._restore_context()
        if self.inherited:
            return
        end = at or time.time_ns()
        if self.failure is not None and (error is None or isinstance(error, unwinding.UnknownError)):
            error = self.failure
        kind = self._record_error(error) if error is not None else None
        anomaly = self._end_in_ledger(error)
        if anomaly is not None:
            self.route.record_anomaly(anomaly, self.partition)
            self.span.set_attribute(semconv.LOST, anomaly is DeliveryAnomaly.SKIPPED)
        self.span.end(end)
        if self.route.scope.records_durations:
            self._record_durations(end, kind)
        self.record = self.failure = self.pending_error = None
        if self.detached or not self.manual:  # else the loop that began it has yet to leave it
            self.context = EMPTY  # it holds this turn, and such a cycle would wait for the garbage collector

    def _end_in_ledger(self, error: BaseException | None) -> DeliveryAnomaly | None:
        ledger = self.partition_ledger
        if ledger is not None and isinstance(error, ENDS):
            ledger.give_up(self.offset)
            return None
        return None if ledger is None else ledger.end(self.offset, error is None)

    def _record_durations(self, end: int, kind: str | None) -> None:
        measures, metrics = self.route.duration_attributes(self.partition, kind), self.route.scope.metrics
        metrics.process_duration.record(max(end - self.start, 0) / 1e9, measures, self.context)
        if self.timestamp is not None:
            metrics.message_age.record(max(end / 1e9 - self.timestamp / 1e3, 0.0), measures, self.context)

    def end_unless_manual(self, error: BaseException | None) -> None:
        """End the span, unless somebody processes the message by hand."""
        if not self.manual:
            self.end(error)

    def take_over(self) -> None:
        """Have it ended by whoever processes its message by hand, beginning now."""
        self.manual = self.client.manual = True
        self.owner = task_or_thread_id()
        if self.body_ended_at:  # its loop has gone on meanwhile: until now it has waited for a worker
            now = time.time_ns()
            self.span.set_attribute(semconv.WAITED, max(now - self.start, 0) / 1e9)
            self.start = now
        if self.partition_ledger is not None and self.key is not None and self.anomaly is None:
            anomaly = self.partition_ledger.take_over(self.offset, self.key)
            if anomaly is not None:
                self.route.record_anomaly(anomaly, self.partition)
                self.span.set_attributes(_ANOMALIES[anomaly])

    def attach(self) -> None:
        """Make its context current again, if it is not."""
        if not self.done and get_current() is not self.context:
            self.outer_context, self.detached = current_context(), False
            attach(self.context)

    def detach(self) -> None:
        """Bring back the context from before, unless somebody made another one current meanwhile."""
        self._restore_context()
        self.detached = True
        if self.done:
            self.context = EMPTY

    def _restore_context(self) -> None:
        if get_current() is self.context:
            attach(skip_ended(self.outer_context) if PROCESSING in self.outer_context else self.outer_context)

    def _record_error(self, error: BaseException) -> str | None:
        if isinstance(error, ENDS):
            self.span.set_attribute(semconv.ABANDONED, True)
            return None
        if isinstance(error, unwinding.UnknownError):
            errors.mark(self.span, semconv.OTHER, "an exception left the loop's body")
            return semconv.OTHER
        return errors.record(self.span, error, "process", self.context)

    @property
    def message_is_held(self) -> bool:
        """Whether anybody else holds the message, and so may yet process it by hand."""
        return sys.getrefcount(self.record) > _OWN_REFERENCES

    def disown(self) -> None:
        """Leave the span to be ended by another process, which this one was forked from."""
        self.inherited = True


def begin_processing(
    client: Client,
    record: Any,
    message: Message,
    extracted: Extracted | None = None,
    *,
    manual: bool = False,
    owner: int | None = None,
) -> Processing:
    """Begin to process a message: start its span and make it current."""
    outer_context = base = get_current()
    if PROCESSING in base:
        outer_context = skip_ended(base)
        base = outer_context if manual else outside_loops(outer_context)
    route = client.process_route(message.destination)
    incoming, origin = extracted or trust.incoming_context(message, route.settings)
    context = (Context({**base, **incoming}) if base else incoming) if incoming else base
    processing = Processing(client, route, record, message, outer_context=outer_context, manual=manual, owner=owner)
    attributes = message_attributes(route, message)
    if manual:
        attributes[semconv.MANUAL] = True
    if message.offset is not None:
        # What was polled before, and what is processed by hand, comes in any order.
        _record_in_ledger(processing, message, attributes, 0 if manual or extracted else client.epoch)
    parent = _parent_context(route.settings, base, context, origin if SPAN in incoming else None)
    links = (Link(origin),) if origin else ()
    processing.span = route.scope.tracer.start_span(route.name, parent, route.kind, attributes, links, processing.start)
    processing.context = Context({**context, SPAN: processing.span, PROCESSING: processing})
    _record_begin(processing, message, origin)
    attach(processing.context)
    return processing


def _record_in_ledger(processing: Processing, message: Message, made: dict[str, Any], epoch: int) -> None:
    partition, offset, key = message.partition, message.offset, message.key
    if partition is None or offset is None:
        return
    processing.offset = offset
    processing.key = hash(key) if processing.route.settings.capture_key != "off" and type(key) in {bytes, str} else None
    processing.partition_ledger = processing.route.partition_ledger(partition)
    processing.anomaly = anomaly = processing.partition_ledger.begin(offset, epoch, processing.key)
    # By hand nothing is delivered anew.
    if anomaly is not None and (anomaly is DeliveryAnomaly.OUT_OF_ORDER or not processing.manual):
        processing.route.record_anomaly(anomaly, partition)
        made.update(_ANOMALIES[anomaly])


def _record_begin(processing: Processing, message: Message, origin: SpanContext | None) -> None:
    client, route = processing.client, processing.route
    open_processings[id(processing.record)] = processing
    if message.unsettled and message.delivery_tag is not None:
        unsettled = Unsettled(message.destination, origin, message.id, message.conversation)
        client.await_settlement(message.delivery_tag, unsettled)
    if message.timestamp is not None and route.scope.check_durations(processing.start):
        _record_queue_time(processing, message.timestamp)
    if (message.redelivered or message.attributes) and not processing.manual:
        _record_redelivery(client, route, message)


_ANOMALIES = {
    DeliveryAnomaly.REDELIVERED: {semconv.REDELIVERED: True},
    DeliveryAnomaly.REPROCESSED: {semconv.REDELIVERED: True, semconv.REPROCESSED: True},
    DeliveryAnomaly.OUT_OF_ORDER: {semconv.MISORDERED: True},
}


def _parent_context(settings: Config, base: Context, context: Context, origin: SpanContext | None) -> Context:
    rule = settings.process_parent
    if rule in {"auto", "ambient"} and SPAN in base and span_in(base).is_recording():
        return base
    if rule in {"auto", "producer"} and origin is not None:
        return context
    return EMPTY


def _record_queue_time(processing: Processing, stamp: int) -> None:
    route = processing.route
    route.last_timestamps[processing.partition] = stamp
    waited = max(processing.start / 1e9 - stamp / 1e3, 0.0)
    route.scope.metrics.queue_duration.record(
        waited, route.duration_attributes(processing.partition), processing.context
    )


def _record_redelivery(client: Client, route: Route, message: Message) -> None:
    # What the broker tells; of offsets the ledger knows better.
    if message.ready_count is not None:
        progress.note_queue_depth(client, message.destination, message.ready_count)
    if message.redelivered:
        route.record_anomaly(DeliveryAnomaly.REDELIVERED, message.partition)
    elif message.attributes and semconv.DEATHS in message.attributes:
        route.count(route.scope.metrics.dead_lettered, message.partition)


@on_fork
def disown_all() -> None:
    """Drop every open turn, in a forked child: its parent ends them."""
    for processing in open_processings.values():
        processing.disown()
    open_processings.clear()
