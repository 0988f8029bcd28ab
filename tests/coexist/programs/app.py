"""Sends a message and reads it, instrumented by nobody, or in the steps it is told.

`app.py LIBRARY ADDRESS DESTINATION [STEP…]`; the library is imported before the first step, unless there are none.
"""

from __future__ import annotations

import importlib
import logging
import sys

import clients

OFFICIAL = {
    "kafka_python": "kafka:KafkaInstrumentor",
    "confluent_kafka": "confluent_kafka:ConfluentKafkaInstrumentor",
    "aiokafka": "aiokafka:AIOKafkaInstrumentor",
    "pika": "pika:PikaInstrumentor",
    "aio_pika": "aio_pika:AioPikaInstrumentor",
}


def message() -> None:
    """Send a message, and read it."""
    print("read", getattr(clients, library)(address, destination).decode(), flush=True)


def enable() -> None:
    """Switch ours on."""
    import otel_eda

    otel_eda.enable()


def disable() -> None:
    """Switch ours off."""
    import otel_eda

    otel_eda.disable()


def official():  # type: ignore[no-untyped-def]  # it has no types
    """Give their instrumentor."""
    module, _, name = OFFICIAL[library].partition(":")
    return getattr(importlib.import_module(f"opentelemetry.instrumentation.{module}"), name)()


def theirs() -> None:
    """Switch theirs on."""
    official().instrument()


def not_theirs() -> None:
    """Switch theirs off."""
    official().uninstrument()


library, address, destination, *steps = sys.argv[1:]
logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s", stream=sys.stderr)
for client in ("kafka", "aiokafka", "pika", "aio_pika", "aiormq"):
    logging.getLogger(client).setLevel(logging.CRITICAL)
if steps:
    importlib.import_module({"kafka_python": "kafka"}.get(library, library))
for step in steps or ("message",):
    globals()[step]()
