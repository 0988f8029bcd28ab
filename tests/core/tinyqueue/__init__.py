"""A messaging library which the core has never heard of: topics in memory, producers, consumers, a channel."""

from __future__ import annotations

from core.tinyqueue.asynchronous import AsyncConsumer, AsyncProducer
from core.tinyqueue.channel import Block, Channel, Delivery, Subscription
from core.tinyqueue.clients import Consumer, Producer
from core.tinyqueue.messages import Queue, Receipt, Record

__all__ = [
    "AsyncConsumer",
    "AsyncProducer",
    "Block",
    "Channel",
    "Consumer",
    "Delivery",
    "Producer",
    "Queue",
    "Receipt",
    "Record",
    "Subscription",
]
__version__ = "1.2.0"
