"""Readers of pika's messages and channels."""

from __future__ import annotations

from typing import Any

from otel_eda.adapters._amqp import attributes, delivery_count, destination, identity, text, timestamp
from otel_eda.core import Identity, Message


def owner(channel: Any) -> Any:
    """Return the channel that the application has: a blocking channel wraps another one."""
    return getattr(channel, "_cookie", None) or channel


def identify(channel: Any) -> Identity:
    """Return the identity of a channel's connection."""
    connection = channel.connection
    parameters = getattr(connection, "_impl", connection).params
    return identity(parameters.host, parameters.port, parameters.client_properties)


def read(method: Any, properties: Any, queue: str = "", unsettled: bool = False) -> Message:
    """Return the message of a delivery, from its method frame and its properties."""
    headers = properties.headers
    return Message(
        destination(method.exchange, method.routing_key, queue),
        headers=headers,
        timestamp=timestamp(properties.timestamp, headers),
        id=text(properties.message_id),
        conversation=text(properties.correlation_id),
        delivery_tag=method.delivery_tag,
        unsettled=unsettled,
        redelivered=method.redelivered,
        deliveries=delivery_count(headers),
        attributes=attributes(method.routing_key, headers),
        record=method,
        ready_count=getattr(method, "message_count", None),
    )


def message(item: Any) -> Message | None:
    """Return the message of the three parts by which pika hands it over, or None for any other object."""
    parts = isinstance(item, tuple) and len(item) == 3 and hasattr(item[0], "delivery_tag")
    return read(item[0], item[1]) if parts and hasattr(item[1], "headers") else None


def sent(exchange: str, routing_key: str, properties: Any) -> Message:
    """Return a message that is published or that the broker sends back."""
    if not hasattr(properties, "message_id"):
        return Message(destination(exchange, routing_key), attributes=attributes(routing_key, None))
    headers = properties.headers
    return Message(
        destination(exchange, routing_key),
        headers=headers,
        timestamp=timestamp(properties.timestamp, None),
        id=text(properties.message_id),
        conversation=text(properties.correlation_id),
        attributes=attributes(routing_key, None),
    )
