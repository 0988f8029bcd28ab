"""Process spans around code that no call of ours surrounds: the body of a loop, the time until the next pull."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context, attach, get_current
from opentelemetry.trace import Link

from otel_eda import semconv
from otel_eda.config import config
from otel_eda.core.clients import progress
from otel_eda.core.clients.attributes import message_attributes
from otel_eda.core.ledger.partition import DeliveryAnomaly
from otel_eda.core.message import Unsettled
from otel_eda.core.process import unwinding
from otel_eda.core.propagation import trust
from otel_eda.core.runtime.contexts import EMPTY, PROCESSING, SPAN, current, live, outside, span_in
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.state import on_fork
from otel_eda.core.telemetry import errors, hooks

if TYPE_CHECKING:
    from collections.abc import Hashable

    from opentelemetry.trace import Span, SpanContext

    from otel_eda.core.clients.client import Client
    from otel_eda.core.clients.routes import Route
    from otel_eda.core.ledger.partition import PartitionLedger
    from otel_eda.core.message import Message
    from otel_eda.core.propagation.headers import Extracted


_UNHELD = 2  # references to a message that only its turn holds: the turn's and the question's own

open_processings: dict[int, Processing] = {}
"""Every turn that has not ended, by the identity of its message."""


class Processing:
    """The processing of one message: its span, and the context that was current before it."""

    __slots__ = (
        "anomaly",
        "before",
        "body_ended_at",
        "called",
        "client",
        "context",
        "delivery_tag",
        "done",
        "failure",
        "forgotten",
        "key",
        "left",
        "manual",
        "offset",
        "partition",
        "partition_ledger",
        "record",
        "route",
        "span",
        "stamp",
        "start",
    )

    client: Client
    route: Route
    record: Any
    span: Span
    before: Context
    context: Context
    start: int
    stamp: int | None
    body_ended_at: int
    partition: str | None
    done: bool
    manual: bool
    called: bool
    failure: BaseException | None
    forgotten: bool
    left: bool
    delivery_tag: int | None
    partition_ledger: PartitionLedger | None
    offset: int
    key: Hashable
    anomaly: DeliveryAnomaly | None

    @guarded
    def end(self, error: BaseException | None = None, at: int | None = None) -> None:
        """End it, and let no failure of that reach who asks for it."""
        self.finish(error, at)

    def finish(self, error: BaseException | None = None, at: int | None = None) -> None:
        """End the span, as failed or abandoned (`GeneratorExit`) with an error; the context before it is back."""
        if self.done:
            return
        self.done = True
        if open_processings.get(id(self.record)) is self:
            del open_processings[id(self.record)]
        self._bring_back()
        if self.forgotten:
            return
        end = at or time.time_ns()
        if self.failure is not None and (error is None or isinstance(error, unwinding.UnknownError)):
            error = self.failure
        kind = self._fail(error) if error is not None else None
        anomaly = self.partition_ledger.end(self.offset, error is None) if self.partition_ledger is not None else None
        if anomaly is not None:
            self.route.record_anomaly(anomaly, self.partition)
            self.span.set_attribute(semconv.LOST, anomaly is DeliveryAnomaly.SKIPPED)
        hooks.end(self.span, end)
        if self.route.scope.measured:
            self._measure(end, kind)
        self.record = self.failure = None
        if self.left or not self.manual:  # else the loop that began it has yet to leave it
            self.context = EMPTY  # it holds this turn, and such a cycle would wait for the garbage collector

    def _measure(self, end: int, kind: str | None) -> None:
        measures, metrics = self.route.measures(self.partition, kind), self.route.scope.metrics
        metrics.process_duration.record(max(end - self.start, 0) / 1e9, measures, self.context)
        if self.stamp is not None:
            metrics.message_age.record(max(end / 1e9 - self.stamp / 1e3, 0.0), measures, self.context)

    def fail(self, error: BaseException | None) -> None:
        """End the span, unless somebody processes the message by hand."""
        if not self.manual:
            self.end(error)

    def take(self) -> None:
        """Have it ended by whoever processes its message by hand, beginning now."""
        self.manual = self.client.manual = True
        if self.body_ended_at:  # its loop has gone on meanwhile: until now it has waited for a worker
            now = time.time_ns()
            self.span.set_attribute(semconv.WAITED, max(now - self.start, 0) / 1e9)
            self.start = now
        if self.partition_ledger is not None and self.key is not None and self.anomaly is None:
            anomaly = self.partition_ledger.take(self.offset, self.key)
            if anomaly is not None:
                self.route.record_anomaly(anomaly, self.partition)
                self.span.set_attributes(_ANOMALIES[anomaly])

    def enter(self) -> None:
        """Make its context current again, if it is not."""
        if not self.done and get_current() is not self.context:
            self.before, self.left = current(), False
            attach(self.context)

    def leave(self) -> None:
        """Bring back the context from before, unless somebody made another one current meanwhile."""
        self._bring_back()
        self.left = True
        if self.done:
            self.context = EMPTY

    def _bring_back(self) -> None:
        if get_current() is self.context:
            attach(live(self.before) if PROCESSING in self.before else self.before)

    def _fail(self, error: BaseException) -> str | None:
        if isinstance(error, GeneratorExit):
            self.span.set_attribute(semconv.ABANDONED, True)
            return None
        if isinstance(error, unwinding.UnknownError):
            errors.mark(self.span, semconv.OTHER, "an exception left the loop's body")
            return semconv.OTHER
        return errors.record(self.span, error, "process", self.context)

    @property
    def held(self) -> bool:
        """Whether anybody else holds the message, and so may yet process it by hand."""
        return sys.getrefcount(self.record) > _UNHELD

    def forget(self) -> None:
        """Leave the span to be ended by another process, which this one was forked from."""
        self.forgotten = True


def begin_processing(
    client: Client, record: Any, message: Message, found: Extracted | None = None, manual: bool = False
) -> Processing:
    """Start processing a message: its span is current from now on."""
    before = base = get_current()
    if PROCESSING in before:
        before = live(before)
        base = before if manual else outside(before)
    span_context_in, origin = found or trust.incoming_context(message)
    context = (Context({**base, **span_context_in}) if base else span_context_in) if span_context_in else base
    route = client.route("process", "process", message.destination)
    processing = Processing()
    processing.client, processing.route, processing.before = client, route, before
    processing.manual = processing.left = manual
    given, record = record, record if message.record is None else message.record
    processing.record = record
    processing.delivery_tag, processing.stamp, processing.partition = (
        message.delivery_tag,
        message.timestamp,
        message.partition,
    )
    processing.done = processing.forgotten = processing.called = False
    processing.failure = processing.partition_ledger = processing.anomaly = None
    processing.body_ended_at = 0
    processing.start = time.time_ns()
    if message.unsettled and message.delivery_tag is not None:
        client.await_settlement(
            message.delivery_tag,
            Unsettled(message.destination, message.queue, origin, message.id, message.conversation),
        )
    made = message_attributes(route.attributes, message)
    if message.offset is not None and message.partition is not None:
        # What was polled before, and what is processed by hand, comes in any order.
        _book(processing, message, made, 0 if manual or found else client.epoch)
    processing.span = route.scope.tracer.start_span(
        route.name,
        _parent(base, context, origin if SPAN in span_context_in else None),
        route.kind,
        made,
        (Link(origin),) if origin else (),
        processing.start,
    )
    processing.context = Context({**context, SPAN: processing.span, PROCESSING: processing})
    if client.hooks.process is not None:
        about = given if message.given is None else message.given
        hooks.call(client.hooks.process, processing.span, about, processing.context)
    open_processings[id(record)] = processing
    if message.timestamp is not None and route.scope.measures(processing.start):
        _queued(processing, message.timestamp)
    if (message.redelivered or message.attributes) and not manual:
        _again(client, route, message)
    attach(processing.context)
    return processing


def _book(processing: Processing, message: Message, made: dict[str, Any], epoch: int) -> None:
    partition, offset, key = message.partition, message.offset, message.key
    if partition is None or offset is None:
        return
    processing.offset = offset
    processing.key = hash(key) if config().capture_key != "off" and type(key) in {bytes, str} else None
    processing.partition_ledger = processing.route.partition_ledger(partition)
    processing.anomaly = anomaly = processing.partition_ledger.begin(offset, epoch, processing.key)
    # By hand nothing is delivered anew.
    if anomaly is not None and (anomaly is DeliveryAnomaly.OUT_OF_ORDER or not processing.manual):
        processing.route.record_anomaly(anomaly, partition)
        made.update(_ANOMALIES[anomaly])


_ANOMALIES = {
    DeliveryAnomaly.REDELIVERED: {semconv.REDELIVERED: True},
    DeliveryAnomaly.REPROCESSED: {semconv.REDELIVERED: True, semconv.REPROCESSED: True},
    DeliveryAnomaly.OUT_OF_ORDER: {semconv.MISORDERED: True},
}


def _parent(base: Context, context: Context, origin: SpanContext | None) -> Context:
    rule = config().process_parent
    if rule in {"auto", "ambient"} and SPAN in base and span_in(base).is_recording():
        return base
    if rule in {"auto", "producer"} and origin is not None:
        return context
    return EMPTY


def _queued(processing: Processing, stamp: int) -> None:
    route = processing.route
    route.stamps[processing.partition] = stamp
    waited = max(processing.start / 1e9 - stamp / 1e3, 0.0)
    route.scope.metrics.queue_duration.record(waited, route.measures(processing.partition), processing.context)


def _again(client: Client, route: Route, message: Message) -> None:
    # What the broker tells; of offsets the ledger knows better.
    if message.ready_count is not None:
        progress.note_queue_depth(client, message.queue or message.destination, message.ready_count)
    if message.redelivered:
        route.record_anomaly(DeliveryAnomaly.REDELIVERED, message.partition)
    elif message.attributes and semconv.DEATHS in message.attributes:
        route.count(route.scope.metrics.dead_lettered, message.partition)


@on_fork
def forget_all() -> None:
    """Drop every open turn, in a forked child: its parent ends them."""
    for processing in open_processings.values():
        processing.forget()
    open_processings.clear()
