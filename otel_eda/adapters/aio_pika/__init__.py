"""aio-pika 9.4 to 10.x."""

from __future__ import annotations

from typing import Any

from otel_eda.core import (
    Acknowledge,
    Close,
    Declare,
    Deliver,
    Enter,
    Handle,
    Identity,
    Internal,
    Iterate,
    Leave,
    Library,
    PullOne,
    Send,
)

from .messages import declared, delivered, read, reader, rejected, tags
from .publishing import outgoing, put, report

# By way of the package, which has a version once all its modules are imported.
CHANNEL = "aio_pika:channel.Channel"
EXCHANGE = "aio_pika:exchange.Exchange"
QUEUE = "aio_pika:queue.Queue"
ITERATOR = "aio_pika:queue.QueueIterator"
INCOMING = "aio_pika:message.IncomingMessage"
BLOCK = "aio_pika:message.ProcessContext"


def owner(part: Any) -> Any:
    """Give the protocol's channel, of which there is a new one after each reconnection; aio-pika's without one."""
    channel = getattr(part, "_IncomingMessage__channel", None)
    if channel is None:
        ours = part if hasattr(part, "_channel") else getattr(part, "_amqp_queue", part).channel
        channel = ours._channel.channel if ours._channel else ours
    return channel


def identify(channel: Any) -> Identity:
    """Read the address of a channel's connection, and the name that it has in it."""
    url = (getattr(channel, "connection", None) or channel._connection).url
    return Identity(url.query.get("name"), None, url.host, url.port)


LIBRARY = Library(
    name="aio_pika",
    system="rabbitmq",
    package="aio_pika",
    distribution="aio-pika",
    supported=((9, 4), (11,)),
    official="opentelemetry.instrumentation.aio_pika:AioPikaInstrumentor",
    message=read,
    identify=identify,
    owner=owner,
    shapes=(
        Send(
            f"{EXCHANGE}.publish",
            ("message", "routing_key"),
            outgoing,
            put,
            report,
            lambda _: lambda _: None,
            "message",
            "publish",
        ),
        Deliver(f"{QUEUE}.consume", "callback", ("callback",), delivered, "consume"),
        Declare(f"{CHANNEL}.declare_queue", declared),
        Iterate(f"{QUEUE}.__aiter__", "consume", reader),
        Iterate(f"{ITERATOR}.__aiter__", "consume", reader),
        PullOne(f"{QUEUE}.get", "get", ("no_ack",), reader),
        Acknowledge(f"{INCOMING}.ack", ("multiple",), tags, "ack"),
        Acknowledge(f"{INCOMING}.nack", ("multiple", "requeue"), tags, "nack"),
        Acknowledge(f"{INCOMING}.reject", ("requeue",), rejected, "reject"),
        Enter(f"{BLOCK}.__aenter__", lambda block: block.message),
        Leave(f"{BLOCK}.__aexit__", "exc_val"),
        Handle("aio_pika:patterns.rpc.RPC.execute"),
        Internal(f"{ITERATOR}._on_close|close"),
        Close(f"{CHANNEL}.close"),
    ),
)
