"""Sends and reads messages, and tells how long that took: `traffic.py ADDRESS TOPIC COUNT`."""

from __future__ import annotations

import sys
import time

from kafka import KafkaConsumer, KafkaProducer
from talk import say

address, topic, count = sys.argv[1:]
producer = KafkaProducer(bootstrap_servers=address)
start = time.perf_counter()
for number in range(int(count)):
    producer.send(topic, b"%d" % number)
producer.flush()
consumer = KafkaConsumer(topic, bootstrap_servers=address, auto_offset_reset="earliest", consumer_timeout_ms=10_000)
for message in consumer:
    if message.offset == int(count) - 1:
        say(f"{message.value!r}")
        break
took = time.perf_counter() - start
consumer.close()
producer.close()
say(f"{took:.3f}")
