"""Reads numbers and has one of these faults, or none: `billing.py BROKER TOPIC GROUP COUNT FAULT`."""

import sys
import time

from kafka import KafkaConsumer, TopicPartition

import otel_eda

broker, topic, group, count, fault = sys.argv[1:]
BAD = b"7"


def bill(message) -> None:
    """Fail for the bad one, if that is the fault."""
    if fault in {"swallows", "poisoned"} and message.value == BAD:
        raise ValueError(f"no price for {message.value.decode()}")


consumer = KafkaConsumer(
    topic,
    bootstrap_servers=broker,
    group_id=group,
    auto_offset_reset="earliest",
    enable_auto_commit=False,
    consumer_timeout_ms=20_000,
)
seen, attempts = 0, 0
while seen < int(count):
    message = next(consumer)
    seen += 1
    try:
        with otel_eda.process(message):
            bill(message)
    except ValueError:
        attempts += 1
        if fault == "poisoned" and attempts < 4:
            consumer.seek(TopicPartition(topic, 0), message.offset)
            seen -= 1
            continue
    if fault != "forgets":
        consumer.commit()
time.sleep(2.5)  # it lives on, so that what is not done by now is not merely late
with otel_eda.process({}, destination="heartbeat"):
    pass
consumer.close()
