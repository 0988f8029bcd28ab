"""pika 1.2 to 1.4: the blocking connection, and the channels of those that call back."""

from __future__ import annotations

from otel_eda.core import (
    Acknowledge,
    Close,
    Configure,
    Confirm,
    Declare,
    Deliver,
    Generate,
    Library,
    Publish,
    PullOne,
    Return,
    Send,
)

from .calls import answer, called, declared, given, nothing, outgoing, put, rejected, returned, tags
from .messages import identify, message, owner

BLOCKING = "pika.adapters.blocking_connection:BlockingChannel"
CHANNEL = "pika.channel:Channel"
PUBLISHED = ("exchange", "routing_key", "properties")
QUEUE = ("queue", "auto_ack")
TAGS = ("delivery_tag", "multiple")

LIBRARY = Library(
    name="pika",
    system="rabbitmq",
    package="pika",
    distribution="pika",
    supported=((1, 2), (2,)),
    official="opentelemetry.instrumentation.pika:PikaInstrumentor",
    message=message,
    identify=identify,
    owner=owner,
    shapes=(
        Configure(f"{BLOCKING}.__init__"),
        Configure(f"{CHANNEL}.__init__"),
        Send(f"{BLOCKING}.basic_publish", PUBLISHED, outgoing, put, None, nothing, "properties", "publish"),
        Publish(f"{CHANNEL}.basic_publish", PUBLISHED, outgoing, put, None, nothing, "properties", "publish"),
        Confirm(f"{CHANNEL}.confirm_delivery", "ack_nack_callback", answer),
        Return(f"{CHANNEL}._on_return", ("method_frame", "header_frame"), returned),
        Deliver(f"{BLOCKING}.basic_consume", "on_message_callback", QUEUE, called, "consume"),
        Deliver(f"{CHANNEL}.basic_consume", "on_message_callback", QUEUE, called, "consume"),
        Deliver(f"{CHANNEL}.basic_get", "callback", QUEUE, called, "get"),
        Declare(f"{BLOCKING}.queue_declare", declared),
        Generate(f"{BLOCKING}.consume", QUEUE, given, "consume"),
        PullOne(f"{BLOCKING}.basic_get", "get", QUEUE, given),
        *(
            shape
            for channel in (BLOCKING, CHANNEL)
            for shape in (
                Acknowledge(f"{channel}.basic_ack", TAGS, tags, "ack"),
                Acknowledge(f"{channel}.basic_nack", (*TAGS, "requeue"), tags, "nack"),
                Acknowledge(f"{channel}.basic_reject", ("delivery_tag", "requeue"), rejected, "reject"),
            )
        ),
        Close(f"{BLOCKING}.close"),
        Close(f"{CHANNEL}._cleanup"),
    ),
)
