"""The attributes of a span that describe its message."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import Link

from otel_eda import semconv
from otel_eda.core.clients import capture
from otel_eda.core.message import DestinationTemplate
from otel_eda.core.propagation import event_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.trace import SpanContext

    from otel_eda.core.clients.routes import Route
    from otel_eda.core.message import Attributes, Identity, Message
    from otel_eda.core.telemetry.templates import Described


def destination_attribute(destination: str) -> Attributes:
    """Return the attribute that names a destination where few names may be: its template, if it has one."""
    if isinstance(destination, DestinationTemplate):
        return {semconv.TEMPLATE: str(destination)}
    return {semconv.DESTINATION: destination}


def without_none(attributes: dict[str, Any]) -> Attributes:
    """Return the attributes that have a value."""
    return {key: value for key, value in attributes.items() if value is not None}


def peer_attributes(identity: Identity) -> Attributes:
    """Return the attributes of the broker's end of a client's connection, none if it is not known."""
    if identity.peer is None:
        return {}
    return {semconv.PEER_ADDRESS: identity.peer[0], semconv.PEER_PORT: identity.peer[1]}


def described(
    route: Route, message: Message, origin: SpanContext | None, more: Mapping[str, Any] = MappingProxyType({})
) -> Described:
    """Describe a span about one message, by what its route has not and by `more`, linked to where it comes from."""
    attributes = broker_attributes(message)
    if type(message.destination) is DestinationTemplate:
        attributes = {**message.destination.attributes, **attributes}
    if (
        message.redelivered
        or message.delivery_tag is not None
        or message.conversation is not None
        or message.deliveries is not None
        or message.sender is not None
    ):
        _add_what_few_have(attributes, message)
    id_, headers = message.id, message.headers  # of one header and an origin, the header names that, and so no event
    if id_ is None and headers and (origin is None or not isinstance(headers, (list, dict)) or len(headers) > 1):
        id_ = event_id(headers)
    if id_ is not None:
        attributes[semconv.MESSAGE_ID] = id_
    if route.captures_content:
        attributes.update(capture.content_attributes(message, route.settings))
    if more:
        attributes.update(more)
    return attributes, [Link(one) for one in message.origins] if message.origins and not origin else (), origin


def _add_what_few_have(attributes: dict[str, Any], message: Message) -> None:
    if message.sender is not None:
        attributes[semconv.SENDER], attributes[semconv.SEQUENCE] = message.sender, message.sequence
    if message.delivery_tag is not None:
        attributes[semconv.DELIVERY_TAG] = message.delivery_tag
    if message.conversation is not None:
        attributes[semconv.CONVERSATION] = message.conversation
    if message.redelivered:
        attributes[semconv.REDELIVERED] = True
    if message.deliveries is not None:
        attributes[semconv.DELIVERIES] = message.deliveries


def broker_attributes(message: Message) -> dict[str, Any]:
    """Return the attributes that the broker has given a message: position, timestamp, tombstone, the system's own."""
    attributes: dict[str, Any] = {}
    if message.partition is not None:
        attributes[semconv.PARTITION] = message.partition
    if message.offset is not None:
        attributes[semconv.OFFSET] = message.offset
    if message.timestamp is not None:
        attributes[semconv.MESSAGE_TIMESTAMP] = message.timestamp
    if message.tombstone:
        attributes[semconv.TOMBSTONE] = True
    if message.attributes is not None:
        attributes.update(message.attributes)
    return attributes


def add_position(attributes: dict[str, Any], message: Message) -> None:
    """Add the partition and the offset of a message."""
    if message.partition is not None:
        attributes[semconv.PARTITION] = message.partition
    if message.offset is not None:
        attributes[semconv.OFFSET] = message.offset
