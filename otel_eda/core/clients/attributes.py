"""What a message's span says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_eda import semconv
from otel_eda.core.clients import capture
from otel_eda.core.message import DestinationTemplate

if TYPE_CHECKING:
    from otel_eda.core.clients.routes import Route
    from otel_eda.core.message import Attributes, Message


def destination_attribute(destination: str) -> Attributes:
    """Return the attribute that names a destination where few names may be: its template, if it has one."""
    if isinstance(destination, DestinationTemplate):
        return {semconv.TEMPLATE: str(destination)}
    return {semconv.DESTINATION: destination}


def message_attributes(route: Route, message: Message) -> dict[str, Any]:
    """Return a span's attributes for one message: those given, and what is known of the message."""
    made = route.attributes.copy()
    if type(message.destination) is DestinationTemplate:
        made.update(message.destination.attributes)
    add_broker_attributes(made, message)
    if message.sender is not None:
        made[semconv.SENDER], made[semconv.SEQUENCE] = message.sender, message.sequence
    _add_identity(made, message)
    if route.captures_content:
        made.update(capture.content_attributes(message, route.settings))
    return made


def add_broker_attributes(made: dict[str, Any], message: Message) -> None:
    """Add what the broker has made of a message, as far as it is known."""
    add_position(made, message)
    if message.timestamp is not None:
        made[semconv.MESSAGE_TIMESTAMP] = message.timestamp
    if message.tombstone:
        made[semconv.TOMBSTONE] = True
    if message.attributes is not None:
        made.update(message.attributes)


def add_position(made: dict[str, Any], message: Message) -> None:
    """Add where a message is in its destination."""
    if message.partition is not None:
        made[semconv.PARTITION] = message.partition
    if message.offset is not None:
        made[semconv.OFFSET] = message.offset


def _add_identity(made: dict[str, Any], message: Message) -> None:
    if message.delivery_tag is not None:
        made[semconv.DELIVERY_TAG] = message.delivery_tag
    if message.id is not None:
        made[semconv.MESSAGE_ID] = message.id
    if message.conversation is not None:
        made[semconv.CONVERSATION] = message.conversation
    if message.redelivered:
        made[semconv.REDELIVERED] = True
    if message.deliveries is not None:
        made[semconv.DELIVERIES] = message.deliveries
