"""What a driver is: a library's clients behind the few words the contract suite speaks.

A driver calls its library as an application would, and nothing of the instrumentation. It says what its library can
(`Can`), in which shapes a consumer hands messages over (`Shape`), and what the operations are called (`Verbs`). A
test is generated for the drivers that can what it needs.
"""

from __future__ import annotations

from drivers.base.clients import AsyncConsumer, Body, Consumer, Pending, Producer
from drivers.base.driver import BadCall, Driver
from drivers.base.words import (
    PATIENCE,
    By,
    Can,
    Hook,
    Message,
    Pairs,
    Reading,
    Receipt,
    Received,
    Sending,
    Shape,
    Verbs,
)

__all__ = [
    "PATIENCE",
    "AsyncConsumer",
    "BadCall",
    "Body",
    "By",
    "Can",
    "Consumer",
    "Driver",
    "Hook",
    "Message",
    "Pairs",
    "Pending",
    "Producer",
    "Reading",
    "Receipt",
    "Received",
    "Sending",
    "Shape",
    "Verbs",
]
