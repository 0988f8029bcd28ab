"""Sends a message and reads it, instrumented by nobody, or in the steps it is told: `app.py ADDRESS TOPIC STEP…`."""

from __future__ import annotations

import logging
import sys

from kafka import KafkaConsumer, KafkaProducer, TopicPartition


def message() -> None:
    """Send a message, and read it."""
    producer = KafkaProducer(bootstrap_servers=address)
    sent = producer.send(topic, b"hello").get(30)
    consumer = KafkaConsumer(bootstrap_servers=address, consumer_timeout_ms=10_000)
    consumer.assign([partition := TopicPartition(topic, 0)])
    consumer.seek(partition, sent.offset)
    for received in consumer:
        print("read", received.offset - sent.offset, flush=True)
        break
    consumer.close()
    producer.close()


def enable() -> None:
    """Switch ours on."""
    import otel_eda

    otel_eda.enable()


def disable() -> None:
    """Switch ours off."""
    import otel_eda

    otel_eda.disable()


def theirs() -> None:
    """Switch theirs on."""
    from opentelemetry.instrumentation.kafka import KafkaInstrumentor

    KafkaInstrumentor().instrument()


def not_theirs() -> None:
    """Switch theirs off."""
    from opentelemetry.instrumentation.kafka import KafkaInstrumentor

    KafkaInstrumentor().uninstrument()


address, topic, *steps = sys.argv[1:]
logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s", stream=sys.stderr)
logging.getLogger("kafka").setLevel(logging.CRITICAL)
for step in steps or ("message",):
    globals()[step]()
