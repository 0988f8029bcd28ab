"""Sends and reads many messages, and tells what stays of each thousand: `many.py ADDRESS TOPIC COUNT`."""

from __future__ import annotations

import gc
import json
import sys
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any

from kafka import KafkaConsumer, KafkaProducer
from talk import say

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 10
address, topic, count = sys.argv[1:]
producer = KafkaProducer(bootstrap_servers=address, linger_ms=5)
HOW = {"bootstrap_servers": address, "auto_offset_reset": "earliest", "consumer_timeout_ms": 20_000}
looped, polled = KafkaConsumer(topic, **HOW), KafkaConsumer(topic, **HOW)


def batches() -> Iterator[list[Any]]:
    """Poll as others do."""
    while True:
        yield from polled.poll(timeout_ms=1000).values()


def turn(number: int) -> int:
    """Send a round's messages, read them in a loop, and polled in batches; give the blocks in use after it."""
    for _ in range(number):
        producer.send(topic, b"message", headers=[("a", b"1")])
    producer.flush()
    for message in islice(looped, number):
        traced.update(name for name, _ in message.headers)
    left = number
    for records in batches():
        for message in records:
            traced.update(name for name, _ in message.headers)
            left -= 1
        if not left:
            break
    gc.collect()
    return sys.getallocatedblocks()


traced: Counter[str] = Counter()
size = int(count) // ROUNDS
blocks = [turn(size) for _ in range(ROUNDS)]
say(json.dumps(traced["traceparent"]))
say(json.dumps(blocks))
producer.close()
looped.close()
polled.close()
