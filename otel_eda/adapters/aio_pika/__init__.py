"""aio-pika 9.4 to 10.x."""

from __future__ import annotations

import asyncio
from typing import Any

from otel_eda.adapters._amqp import DECLARED, dead_letters
from otel_eda.core import (
    Acknowledge,
    Block,
    Close,
    Handle,
    Identity,
    Iterate,
    Library,
    Observe,
    Official,
    ReceiveOne,
    Reported,
    Send,
    Subscribe,
    Suppress,
    queue_declared,
)

from .messages import callback_reader, queue_depth, read, reader, reject_tags, tags
from .publishing import answers, outgoing, report, with_headers

# Named through the package, which has a version once all its modules are imported.
CHANNEL = "aio_pika:channel.Channel"
EXCHANGE = "aio_pika:exchange.Exchange"
QUEUE = "aio_pika:queue.Queue"
ITERATOR = "aio_pika:queue.QueueIterator"
INCOMING = "aio_pika:message.IncomingMessage"
BLOCK = "aio_pika:message.ProcessContext"


def owner(part: Any) -> Any:
    """Return the protocol's channel, of which there is a new one after each reconnection; without one, aio-pika's."""
    channel = getattr(part, "_IncomingMessage__channel", None)
    if channel is None:
        native_channel = part if hasattr(part, "_channel") else getattr(part, "_amqp_queue", part).channel
        channel = native_channel._channel.channel if native_channel._channel else native_channel
    return channel


def carried_by(connection: Any, channel: Any) -> bool:
    """Return whether a channel belongs to a connection, and ends with it."""
    return connection.transport is not None and getattr(channel, "connection", None) is connection.transport.connection


def empty(error: BaseException) -> bool:
    """Return whether an exception says that a queue is empty, or that an iterator has waited long enough."""
    return isinstance(error, (asyncio.QueueEmpty, asyncio.TimeoutError))


def identify(channel: Any) -> Identity:
    """Return the identity of a channel's connection: its address, and the name in its URL."""
    url = (getattr(channel, "connection", None) or channel._connection).url
    return Identity(url.query.get("name"), None, url.host, url.port, virtual_host=url.path[1:] or "/")


LIBRARY = Library(
    name="aio_pika",
    system="rabbitmq",
    package="aio_pika",
    distribution="aio-pika",
    supported=((9, 4), (11,)),
    official=Official("opentelemetry.instrumentation.aio_pika:AioPikaInstrumentor"),
    message=read,
    identify=identify,
    empty=empty,
    owner=owner,
    shapes=(
        Send(
            f"{EXCHANGE}.publish",
            ("message", "routing_key"),
            outgoing,
            with_headers,
            Reported(report, answers),
            lambda _: lambda _: None,
            "message",
            "publish",
        ),
        Subscribe(f"{QUEUE}.consume", "callback", ("callback",), callback_reader, "consume"),
        Observe(f"{CHANNEL}.declare_queue", queue_declared(queue_depth, dead_letters), DECLARED, may_be_first_use=True),
        Iterate(f"{QUEUE}.__aiter__", "consume", reader),
        Iterate(f"{ITERATOR}.__aiter__", "consume", reader),
        ReceiveOne(f"{QUEUE}.get", "get", ("no_ack",), reader),
        Acknowledge(f"{INCOMING}.ack", ("multiple",), tags, "ack"),
        Acknowledge(f"{INCOMING}.nack", ("multiple", "requeue"), tags, "nack"),
        Acknowledge(f"{INCOMING}.reject", ("requeue",), reject_tags, "reject"),
        Block(f"{BLOCK}.__aenter__", f"{BLOCK}.__aexit__", lambda block: block.message, "exc_val"),
        Handle("aio_pika:patterns.rpc.RPC.execute"),
        Suppress(f"{ITERATOR}._on_close|close", ("settle",)),
        Close(f"{CHANNEL}.close"),
        Close("aio_pika:connection.Connection.close", carried_by),
    ),
)
