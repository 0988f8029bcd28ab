"""pika 1.2 to 1.4: the blocking connection, and the channels of those that call back."""

from __future__ import annotations

from otel_eda.core import (
    Acknowledge,
    Carry,
    Close,
    Confirmed,
    Construct,
    Generate,
    Library,
    Observe,
    ReceiveOne,
    Returned,
    Send,
    Subscribe,
    queue_depth,
)

from .calls import called, confirm, declared, given, nothing, outgoing, put, rejected, returned, tags
from .messages import identify, message, owner

BLOCKING = "pika.adapters.blocking_connection:BlockingChannel"
CHANNEL = "pika.channel:Channel"
CONNECTION = "pika.adapters.blocking_connection:BlockingConnection"
LOOP = "pika.adapters.select_connection:IOLoop"
PUBLISHED = ("exchange", "routing_key", "properties")
QUEUE = ("queue", "auto_ack")
TAGS = ("delivery_tag", "multiple")
CONFIRMED = Confirmed(f"{CHANNEL}.confirm_delivery", "ack_nack_callback", confirm)

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
        Construct(f"{BLOCKING}.__init__"),
        Construct(f"{CHANNEL}.__init__"),
        Send(f"{BLOCKING}.basic_publish", PUBLISHED, outgoing, put, None, nothing, "properties", "publish"),
        Send(f"{CHANNEL}.basic_publish", PUBLISHED, outgoing, put, CONFIRMED, nothing, "properties", "publish"),
        Returned(f"{CHANNEL}._on_return", ("method_frame", "header_frame"), returned),
        Subscribe(f"{BLOCKING}.basic_consume", "on_message_callback", QUEUE, called, "consume"),
        Subscribe(f"{CHANNEL}.basic_consume", "on_message_callback", QUEUE, called, "consume"),
        Subscribe(f"{CHANNEL}.basic_get", "callback", QUEUE, called, "get"),
        Observe(f"{BLOCKING}.queue_declare", queue_depth(declared), first=True),
        Generate(f"{BLOCKING}.consume", QUEUE, given, "consume"),
        ReceiveOne(f"{BLOCKING}.basic_get", "get", QUEUE, given),
        *(
            shape
            for channel in (BLOCKING, CHANNEL)
            for shape in (
                Acknowledge(f"{channel}.basic_ack", TAGS, tags, "ack"),
                Acknowledge(f"{channel}.basic_nack", (*TAGS, "requeue"), tags, "nack"),
                Acknowledge(f"{channel}.basic_reject", ("delivery_tag", "requeue"), rejected, "reject"),
            )
        ),
        *(
            Carry(f"{loop}.{call}", "callback")
            for loop in (CONNECTION, LOOP)
            for call in ("add_callback_threadsafe", "call_later")
        ),
        Close(f"{BLOCKING}.close"),
        Close(f"{CHANNEL}._cleanup"),
    ),
)
