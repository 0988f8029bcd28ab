"""The begin of a message's process span: its parent, its attributes, what is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context, attach, get_current
from opentelemetry.trace import Link

from otel_eda import semconv
from otel_eda.core.clients import progress
from otel_eda.core.clients.attributes import message_attributes
from otel_eda.core.ledger.partition import DeliveryAnomaly
from otel_eda.core.message import Unsettled
from otel_eda.core.process.processing import ANOMALY_ATTRIBUTES, Processing, open_processings
from otel_eda.core.propagation import trust
from otel_eda.core.runtime.contexts import EMPTY, PROCESSING, SPAN, outside_loops, skip_ended, span_in

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext

    from otel_eda.config import Config
    from otel_eda.core.clients.client import Client
    from otel_eda.core.clients.routes import Route
    from otel_eda.core.message import Message
    from otel_eda.core.propagation.headers import Extracted


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
    outer_context = base = get_current()
    if PROCESSING in base:
        outer_context = skip_ended(base)
        base = outer_context if manual else outside_loops(outer_context)
    route = client.process_route(message.destination)
    incoming, origin = extracted or trust.incoming_context(message, route.settings)
    context = (Context({**base, **incoming}) if base else incoming) if incoming else base
    processing = Processing(client, route, record, message, outer_context=outer_context, manual=manual, owner=owner)
    attributes = _span_attributes(processing, message, 0 if manual or extracted else client.epoch)
    parent = _parent_context(route.settings, base, context, origin if SPAN in incoming else None)
    links = (Link(origin),) if origin else ()
    processing.span = route.scope.tracer.start_span(route.name, parent, route.kind, attributes, links, processing.start)
    processing.context = Context({**context, SPAN: processing.span, PROCESSING: processing})
    _activate(processing, message, origin)
    return processing


def _span_attributes(processing: Processing, message: Message, epoch: int) -> dict[str, Any]:
    # Of the message, and of what the ledger finds irregular; in epoch 0 (batches, by hand) any order is regular.
    route, partition, offset, key = processing.route, message.partition, message.offset, message.key
    attributes = message_attributes(route, message)
    if processing.manual:
        attributes[semconv.MANUAL] = True
    if partition is None or offset is None:
        return attributes
    processing.offset = offset
    processing.key = hash(key) if route.settings.capture_key != "off" and type(key) in {bytes, str} else None
    processing.partition_ledger = route.partition_ledger(partition)
    processing.anomaly = anomaly = processing.partition_ledger.begin(offset, epoch, processing.key)
    # To process a message by hand again is no redelivery.
    if anomaly is not None and (anomaly is DeliveryAnomaly.OUT_OF_ORDER or not processing.manual):
        route.record_anomaly(anomaly, partition)
        attributes.update(ANOMALY_ATTRIBUTES[anomaly])
    return attributes


def _activate(processing: Processing, message: Message, origin: SpanContext | None) -> None:
    client, route = processing.client, processing.route
    open_processings[id(processing.record)] = processing
    if message.unsettled and message.delivery_tag is not None:
        unsettled = Unsettled(message.destination, origin, message.id, message.conversation)
        client.await_settlement(message.delivery_tag, unsettled)
    if message.timestamp is not None and route.scope.check_durations(processing.start):
        _record_queue_time(processing, message.timestamp)
    if (message.redelivered or message.attributes) and not processing.manual:
        _record_redelivery(client, route, message)
    attach(processing.context)


def _parent_context(settings: Config, base: Context, context: Context, origin: SpanContext | None) -> Context:
    """Return the context with the parent of a process span, as `OTEL_EDA_PROCESS_PARENT` says.

    By default the parent is the recording span around the message's code, else the producer's span. The producer's span
    is linked in any case: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/#consumer-spans.
    """
    rule = settings.process_parent
    if rule in {"auto", "ambient"} and SPAN in base and span_in(base).is_recording():
        return base
    if rule in {"auto", "producer"} and origin is not None:
        return context
    return EMPTY


def _record_queue_time(processing: Processing, stamp: int) -> None:
    route = processing.route
    route.last_timestamps[processing.partition] = stamp
    duration = max(processing.start / 1e9 - stamp / 1e3, 0.0)
    route.scope.metrics.queue_duration.record(
        duration, route.duration_attributes(processing.partition), processing.context
    )


def _record_redelivery(client: Client, route: Route, message: Message) -> None:
    # These messages have no offsets: only the broker knows that it delivers one again.
    if message.ready_count is not None:
        progress.note_queue_depth(client, message.destination, message.ready_count)
    if message.redelivered:
        route.record_anomaly(DeliveryAnomaly.REDELIVERED, message.partition)
    elif message.attributes and semconv.DEATHS in message.attributes:
        route.count(route.scope.metrics.dead_lettered, message.partition)
