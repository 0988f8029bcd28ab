"""The process span of one message, from its start to its end, wherever its code runs.

Loops and pulls hand a message over and return: nothing of ours surrounds the code that processes it. So a process span
makes its context current and leaves it in place; see "How a message is received and processed" in docs/architecture.md.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context

from otel_eda import semconv
from otel_eda.core.clients import progress
from otel_eda.core.clients.attributes import described
from otel_eda.core.ledger.partition import DeliveryAnomaly
from otel_eda.core.message import Unsettled
from otel_eda.core.process import unwinding
from otel_eda.core.process.durations import record_age
from otel_eda.core.process.register import Register
from otel_eda.core.runtime import finalizers
from otel_eda.core.runtime.contexts import (
    EMPTY,
    PROCESSING,
    SPAN,
    around_processing,
    attach,
    current_context,
    get_current,
    skip_ended,
    surroundings,
)
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.state import on_fork
from otel_eda.core.runtime.tasks import task_or_thread_id
from otel_eda.core.telemetry import errors, hooks

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from weakref import ReferenceType

    from opentelemetry.trace import Span, SpanContext

    from otel_eda.core.clients.client import Client
    from otel_eda.core.clients.in_flight import WorkerCode
    from otel_eda.core.clients.routes import Route
    from otel_eda.core.ledger.partition import PartitionLedger
    from otel_eda.core.message import Message
    from otel_eda.core.propagation.headers import Extracted


_OWN_REFERENCES = 2  # to a message that nobody else holds: that of the processing, and `getrefcount`'s argument

observers: list[Callable[[Processing, int], object]] = []  # called with each that ends, and when: the doctor's


class Processing:
    """The processing of one message: its span, and the context that was current before it.

    `manual` says that the application processes the message by `otel_eda.process`, `in_callback` that a callback's call
    surrounds it, `owner` in which task or thread it began, `detached` that its context is not current there any more,
    `inherited` that a forked child has it from its parent; `body_ended_at` is when the code around the message ended,
    in nanoseconds since 1970, 0 while it runs. `queued` counts the queues, tasks and threads that it was handed to and
    that are not done with it, `taken` those that have got it from a queue; `went_on` is when a worker asked for the
    next message after it, or was over, 0 before that, `keeper` is its code, or itself if that is not followed;
    `unqueued` is the error by which a queue refused the message that nobody has put into one since; `failed_elsewhere`
    says that a call in another thread or task has failed with it, `failure_was_handled` whether that was asked for.
    """

    span: Span
    context: Context
    offset: int
    key: Hashable
    # What most messages never change is in the class: no attribute of each object's.
    partition_ledger: PartitionLedger | None = None
    anomaly: DeliveryAnomaly | None = None
    failure: BaseException | None = None
    keeper: ReferenceType[WorkerCode] | None = None
    unqueued: str | None = None
    failure_was_handled: Callable[[], bool] = bool  # no
    done = inherited = in_callback = waited = failed_elsewhere = False
    queued = taken = body_ended_at = went_on = slot = 0

    def __init__(
        self, client: Client, route: Route, record: Any, message: Message, begun: tuple[Context, bool, int | None, bool]
    ) -> None:
        self.client, self.route = client, route
        self.outer_context, manual, owner, self.polled = begun
        self.record = record if message.record is None else message.record
        self.given: Any = message.given
        self.manual = self.detached = manual
        self.owner = task_or_thread_id() if owner is None else owner
        self.pending_error = sys.exc_info()[1]  # handled before, and so none of the message's
        self.timestamp, self.partition, self.start = message.timestamp, message.partition, time.time_ns()

    @guarded
    def end(self, error: BaseException | None = None, at: int | None = None) -> None:
        """End the span as `end_unguarded` does, from anywhere; a failure of ours does not reach the caller."""
        elsewhere = get_current() is not self.context or self.owner != task_or_thread_id()
        # What began it knows its context by that, and restores the one from before later.
        self.end_unguarded(error, at, keep=elsewhere and not self.detached)

    def end_unguarded(self, error: BaseException | None = None, at: int | None = None, *, keep: bool = False) -> None:
        """End the span, failed with an error or abandoned with `GeneratorExit`; restore the context from before it."""
        if self.done or not (open_processings.remove(self) or self.inherited):
            self.detach() if not keep else None  # somebody else was faster, perhaps in another thread
            return
        end = at or (self.went_on if error is not None else 0) or time.time_ns()
        self.done, route = True, self.route
        if get_current() is self.context:  # as in `detach`, without a call for each message
            attach(skip_ended(self.outer_context) if PROCESSING in self.outer_context else self.outer_context)
        if self.inherited:
            return
        error = error if self.failure is None else self._or_failure(error)
        kind = self._record_error(error) if error is not None else None
        ledger = self.partition_ledger
        anomaly = None if ledger is None else self._end_in_ledger(ledger, error) if error else ledger.end(self.offset)
        if anomaly is not None or self.unqueued is not None:
            self._tell(anomaly)
        hooks.end(self.span, end) if hooks.unfinished else self.span.end(end)
        if route.scope.records_durations:
            self._record_durations(route, kind, end)
        for observe in observers:
            observe(self, end)
        self.record = self.given = self.failure = self.pending_error = None
        self.context = self.context if keep else EMPTY  # it holds this processing: a cycle for the garbage collector

    def _or_failure(self, error: BaseException | None) -> BaseException | None:
        handled, self.failure_was_handled = self.failure_was_handled, bool
        unknown = error is None or isinstance(error, unwinding.UnknownError)
        return self.failure if unknown and not handled() else error

    def _tell(self, anomaly: DeliveryAnomaly | None) -> None:
        if self.unqueued is not None:
            self.span.add_event(semconv.NOT_QUEUED, {semconv.EXCEPTION_TYPE: self.unqueued})
        if anomaly is not None:
            self.route.record_anomaly(anomaly, self.partition)
            self.span.set_attribute(semconv.LOST, anomaly is DeliveryAnomaly.SKIPPED)

    def _record_durations(self, route: Route, kind: str | None, end: int) -> None:
        usual = route.usual_durations if kind is None else None
        (usual or route.own_durations(self.partition, kind)).record(
            (end - self.start) / 1e9 if end > self.start else 0.0, self.context, end, self.span
        )
        if self.timestamp is not None and route.settings.message_age:
            record_age(route, self.partition, kind, end, self.timestamp, self.context)

    def _end_in_ledger(self, ledger: PartitionLedger, error: BaseException) -> DeliveryAnomaly | None:
        if isinstance(error, errors.ENDS):
            ledger.give_up(self.offset)
            return None
        return ledger.end(self.offset, done=False)

    def end_unless_manual(self, error: BaseException | None) -> None:
        """End the span, unless the application processes the message by hand."""
        if not self.manual:
            self.end(error)

    def take_over(self) -> None:
        """Let the application process the message by hand from now on: its block ends the span."""
        self.manual = self.client.manual = True
        self.begin_work()

    def begin_work(self) -> None:
        """Begin the work on a message whose loop has gone on: until now it has waited for a worker."""
        if self.body_ended_at and not self.waited:
            self.waited = True
            began, self.start = self.start, time.time_ns()
            self.span.set_attribute(semconv.WAITED, max(self.start - began, 0) / 1e9)
        if self.partition_ledger is not None and self.key is not None and self.anomaly is None:
            self.anomaly = anomaly = self.partition_ledger.take_over(self.offset, self.key)
            if anomaly is not None:
                self.route.record_anomaly(anomaly, self.partition)
                self.span.set_attributes(_ANOMALIES[anomaly])

    def attach(self) -> None:
        """Make the span's context current again, if it is not."""
        if not self.done and get_current() is not self.context:
            self.outer_context, self.detached = current_context(), False
            attach(self.context)

    def detach(self) -> None:
        """Restore the context from before the span, unless somebody has made another one current meanwhile."""
        if get_current() is self.context:
            attach(skip_ended(self.outer_context) if PROCESSING in self.outer_context else self.outer_context)
        self.detached = True
        if self.done:
            self.context = EMPTY

    def _record_error(self, error: BaseException) -> str | None:
        if isinstance(error, errors.ENDS):
            errors.mark_ended(self.span, error)
            if self.queued > self.taken:
                self.span.set_attribute(semconv.HANDED, True)
            if self.went_on or self._worker_is_over():
                self.span.set_attribute(semconv.WENT_ON, True)
            return None
        if isinstance(error, unwinding.UnknownError):
            errors.mark(self.span, semconv.OTHER, "an exception left the loop's body")
            return semconv.OTHER
        return errors.record(self.span, error, "process", self.context)

    def _worker_is_over(self) -> bool:
        keeper = None if self.keeper is None else self.keeper()
        return self.keeper is not None and (keeper is None or not keeper.alive)

    @property
    def message_is_held(self) -> bool:
        """Whether anybody else holds the message, and so may yet process it by hand."""
        return sys.getrefcount(self.record) > _OWN_REFERENCES


open_processings: Register[Processing] = Register()  # those that have not ended


def begin_processing(
    client: Client,
    record: Any,
    message: Message,
    extracted: Extracted | None = None,
    *,
    manual: bool = False,
    owner: int | None = None,
) -> Processing:
    """Start the process span of a message, whose headers may be `extracted` already, and make it current."""
    finalizers.take_left() if finalizers.left else None
    here = get_current()
    outer_context, base = around_processing(here, manual) if PROCESSING in here else (here, here)
    route = client.routes.get(("process", message.destination))
    if route is None or route.scope is not (client.own_telemetry or client.library.telemetry).scope:
        route = client.process_route(message.destination)
    incoming, origin = extracted or route.incoming(message.headers)
    context, parent = surroundings(route.settings.process_parent, base, incoming, origin)
    processing = Processing(client, route, record, message, (outer_context, manual, owner, extracted is not None))
    attributes = {semconv.MANUAL: True} if manual or message.again else {}
    if message.offset is not None and message.partition is not None:
        _record_in_ledger(processing, message.key, message.partition, message.offset, attributes)
    about = described, (route, message, origin, attributes)
    processing.span = route.scope.start_like(route.template, parent, route.kind, processing.start, about)
    return _make_current(processing, context, message, origin)


def _record_in_ledger(
    processing: Processing, key: Any, partition: str, offset: int, attributes: dict[str, Any]
) -> None:
    route = processing.route
    # Messages of a batch, and those processed by hand, begin in any order.
    epoch = 0 if processing.manual or processing.polled else processing.client.epoch
    processing.offset = offset
    processing.key = hash(key) if route.captures_key and type(key) in {bytes, str} else None
    processing.partition_ledger = ledger = route.ledgers.get(partition) or route.partition_ledger(partition)
    processing.anomaly = anomaly = ledger.begin(offset, epoch, processing.key)
    # To process a message by hand again, or in another loop over its batch, is no redelivery.
    if anomaly is not None and (anomaly is DeliveryAnomaly.OUT_OF_ORDER or semconv.MANUAL not in attributes):
        route.record_anomaly(anomaly, partition)
        attributes.update(_ANOMALIES[anomaly])


def _make_current(processing: Processing, around: Context, message: Message, origin: SpanContext | None) -> Processing:
    client, route = processing.client, processing.route
    processing.context = Context({**around, SPAN: processing.span, PROCESSING: processing})
    open_processings.add(processing)
    called = client.own_hooks or client.library.hooks
    if called.process is not None:
        hooks.call_process(called, processing.span, message.given, processing.record, processing.context)
    if message.unsettled and message.delivery_tag is not None:
        unsettled = Unsettled(message.destination, message.queue, origin, message.id, message.conversation)
        client.await_settlement(message.delivery_tag, unsettled)
    scope = route.scope
    if message.timestamp is not None and (scope.records_durations or scope.check_durations(processing.start)):
        route.last_timestamps[processing.partition] = message.timestamp
        waited = processing.start / 1e9 - message.timestamp / 1e3
        (route.usual_waits or route.waits(processing.partition)).record(
            max(waited, 0.0), processing.context, processing.start, processing.span
        )
    dead = message.attributes is not None and semconv.DEATHS in message.attributes
    if (dead or message.redelivered or message.ready_count is not None) and not processing.manual:
        progress.record_redelivery(client, route, message)
    attach(processing.context)
    return processing


_ANOMALIES = {
    DeliveryAnomaly.REDELIVERED: {semconv.REDELIVERED: True},
    DeliveryAnomaly.REPROCESSED: {semconv.REDELIVERED: True, semconv.REPROCESSED: True},
    DeliveryAnomaly.OUT_OF_ORDER: {semconv.MISORDERED: True},
}


@on_fork
def disown_all() -> None:
    """Drop every open process span, in a forked child: its parent ends them."""
    for processing in open_processings.clear():
        processing.inherited = True
