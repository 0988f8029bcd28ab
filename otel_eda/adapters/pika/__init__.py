"""pika 1.2 to 1.x: the blocking connection, and the channels of those that call back."""

from __future__ import annotations

from otel_eda.adapters._amqp import DECLARED, dead_letters
from otel_eda.core import (
    Acknowledge,
    Carry,
    Close,
    Confirmed,
    Construct,
    Generate,
    Library,
    Observe,
    Official,
    ReceiveOne,
    Returned,
    Send,
    Subscribe,
    queue_declared,
)

from .calls import (
    callback_reader,
    confirm,
    no_receipt,
    outgoing,
    parts_reader,
    queue_depth,
    reject_tags,
    returned_message,
    tags,
    with_headers,
)
from .messages import identify, message, official_hooks, owner

BLOCKING = "pika.adapters.blocking_connection:BlockingChannel"
CHANNEL = "pika.channel:Channel"
CONNECTION = "pika.adapters.blocking_connection:BlockingConnection"
LOOP = "pika.adapters.select_connection:IOLoop"
PUBLISHED = ("exchange", "routing_key", "properties", "body")
QUEUE = ("queue", "auto_ack")
TAGS = ("delivery_tag", "multiple")
DECLARATION = queue_declared(queue_depth, dead_letters)
CONFIRMED = Confirmed(f"{CHANNEL}.confirm_delivery", "ack_nack_callback", confirm)

LIBRARY = Library(
    name="pika",
    system="rabbitmq",
    package="pika",
    distribution="pika",
    supported=((1, 2), (2,)),
    official=Official(
        "opentelemetry.instrumentation.pika:PikaInstrumentor",
        client={"instrument_channel": False},
        no_client=("uninstrument_channel",),
    ),
    official_hooks=official_hooks,
    message=message,
    identify=identify,
    owner=owner,
    shapes=(
        Construct(f"{BLOCKING}.__init__"),
        Construct(f"{CHANNEL}.__init__"),
        Send(f"{BLOCKING}.basic_publish", PUBLISHED, outgoing, with_headers, None, no_receipt, "properties", "publish"),
        Send(
            f"{CHANNEL}.basic_publish",
            PUBLISHED,
            outgoing,
            with_headers,
            CONFIRMED,
            no_receipt,
            "properties",
            "publish",
        ),
        Returned(f"{CHANNEL}._on_return", ("method_frame", "header_frame"), returned_message),
        Subscribe(f"{BLOCKING}.basic_consume", "on_message_callback", QUEUE, callback_reader, "consume"),
        Subscribe(f"{CHANNEL}.basic_consume", "on_message_callback", QUEUE, callback_reader, "consume"),
        Subscribe(f"{CHANNEL}.basic_get", "callback", QUEUE, callback_reader, "get"),
        Observe(f"{CHANNEL}.queue_declare", DECLARATION, DECLARED, may_be_first_use=True, callback="callback"),
        Generate(f"{BLOCKING}.consume", QUEUE, parts_reader, "consume"),
        ReceiveOne(f"{BLOCKING}.basic_get", "get", QUEUE, parts_reader),
        *(
            shape
            for channel in (BLOCKING, CHANNEL)
            for shape in (
                Acknowledge(f"{channel}.basic_ack", TAGS, tags, "ack"),
                Acknowledge(f"{channel}.basic_nack", (*TAGS, "requeue"), tags, "nack"),
                Acknowledge(f"{channel}.basic_reject", ("delivery_tag", "requeue"), reject_tags, "reject"),
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
