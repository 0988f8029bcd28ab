"""Sends what cannot be delivered, and what nobody confirms: `refused.py ADDRESS TOPIC ACKS`."""

from __future__ import annotations

import sys

from kafka import KafkaProducer
from kafka.errors import KafkaError
from talk import outcomes, say

MEBIBYTE = 1 << 20
address, topic, acks = sys.argv[1:]
producer = KafkaProducer(
    bootstrap_servers=address, acks=int(acks), max_request_size=4 * MEBIBYTE, max_block_ms=1000, retries=0
)


def attempt(**message: object) -> None:
    try:
        say(outcomes([producer.send(**message)]))
    except (KafkaError, AssertionError, ValueError, TypeError) as error:
        say(f"at once: {type(error).__name__}: {error}")


attempt(topic=topic, value=b"1")
attempt(topic=topic, value=bytes(5 * MEBIBYTE))  # the client refuses it
if acks != "0":
    attempt(topic=topic, value=bytes(2 * MEBIBYTE))  # the broker does
attempt(topic="no topic's name", value=b"1")
attempt(topic=topic, value=b"1", partition=7)
attempt(topic=topic, value=1)
attempt(topic=topic, value=b"2")
producer.close()
