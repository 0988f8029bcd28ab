"""Readers of pika's messages and channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_eda.adapters._amqp import attributes, delivery_count, identity, of_broker, text, timestamp
from otel_eda.adapters._rabbitmq import destination, received
from otel_eda.core import Hooks, Identity, Message

if TYPE_CHECKING:
    from collections.abc import Mapping


def owner(channel: Any) -> Any:
    """Return the channel that the application has: a blocking channel wraps another one."""
    return getattr(channel, "_cookie", None) or channel


def identify(channel: Any) -> Identity:
    """Return the identity of a channel's connection."""
    connection = channel.connection
    connection = getattr(connection, "_impl", connection)
    parameters = connection.params
    end, properties = peer(connection), parameters.client_properties
    return identity(parameters.host, parameters.port, properties, end, parameters.virtual_host)


def peer(connection: Any) -> Any:
    """Return the address of the broker's end of a connection, None where the client keeps no socket."""
    socket = getattr(getattr(connection, "_transport", None), "_sock", None)
    try:
        return None if socket is None else socket.getpeername()
    except OSError:
        return None  # it has been closed meanwhile


def official_hooks(settings: Mapping[str, Any]) -> Hooks:
    """Return hooks that call those of the official instrumentation."""
    publish, consume = settings.get("publish_hook"), settings.get("consume_hook")
    return Hooks(
        (lambda span, call: publish(span, call.get("body"), call.get("properties"))) if callable(publish) else None,
        (lambda span, parts: consume(span, parts[2], parts[1])) if callable(consume) else None,
    )


def read(method: Any, properties: Any, queue: str = "", unsettled: bool = False, given: Any = None) -> Message:
    """Return the message of a delivery, from its method frame and its properties; `given` are all of its parts."""
    headers, stamp = properties.headers, properties.timestamp
    added = of_broker(headers) if headers else None
    # To set what few fields are needed takes a third of the time that so many arguments do.
    auto_ack = bool(queue) and not unsettled
    place, found_queue, found_attributes = received(method.exchange, method.routing_key, queue, auto_ack)
    found = Message(place)
    found.headers, found.queue, found.attributes = headers, found_queue, found_attributes
    found.delivery_tag, found.unsettled, found.redelivered = method.delivery_tag, unsettled, method.redelivered
    found.record, found.given = method, given
    found.ready_count = getattr(method, "message_count", None)
    if properties.message_id is not None:
        found.id = text(properties.message_id)
    if properties.correlation_id is not None:
        found.conversation = text(properties.correlation_id)
    if stamp is not None or added is not None:
        found.timestamp, found.deliveries = timestamp(stamp, added), delivery_count(added)
        found.attributes = attributes(method.routing_key, added, auto_ack)
    return found


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
