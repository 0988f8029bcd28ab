"""aio-pika 9.4 to 10.x."""

from __future__ import annotations

import asyncio
from typing import Any

from otel_eda.core import (
    Acknowledge,
    Block,
    Close,
    Handle,
    Identity,
    Iterate,
    Library,
    Observe,
    ReceiveOne,
    Reported,
    Send,
    Subscribe,
    Suppress,
    queue_depth,
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


def carried_by(connection: Any, channel: Any) -> bool:
    """Tell whether a channel is one of a connection's, and ends with it."""
    return connection.transport is not None and getattr(channel, "connection", None) is connection.transport.connection


def empty(error: BaseException) -> bool:
    """Tell the exceptions by which a queue is empty, or an iterator has waited long enough."""
    return isinstance(error, (asyncio.QueueEmpty, asyncio.TimeoutError))


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
    empty=empty,
    owner=owner,
    shapes=(
        Send(
            f"{EXCHANGE}.publish",
            ("message", "routing_key"),
            outgoing,
            put,
            Reported(report),
            lambda _: lambda _: None,
            "message",
            "publish",
        ),
        Subscribe(f"{QUEUE}.consume", "callback", ("callback",), delivered, "consume"),
        Observe(f"{CHANNEL}.declare_queue", queue_depth(declared), first=True),
        Iterate(f"{QUEUE}.__aiter__", "consume", reader),
        Iterate(f"{ITERATOR}.__aiter__", "consume", reader),
        ReceiveOne(f"{QUEUE}.get", "get", ("no_ack",), reader),
        Acknowledge(f"{INCOMING}.ack", ("multiple",), tags, "ack"),
        Acknowledge(f"{INCOMING}.nack", ("multiple", "requeue"), tags, "nack"),
        Acknowledge(f"{INCOMING}.reject", ("requeue",), rejected, "reject"),
        Block(f"{BLOCK}.__aenter__", f"{BLOCK}.__aexit__", lambda block: block.message, "exc_val"),
        Handle("aio_pika:patterns.rpc.RPC.execute"),
        Suppress(f"{ITERATOR}._on_close|close", ("settle",)),
        Close(f"{CHANNEL}.close"),
        Close("aio_pika:connection.Connection.close", carried_by),
    ),
)
