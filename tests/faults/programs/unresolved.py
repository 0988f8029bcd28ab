"""Ends while the broker has not confirmed: `unresolved.py ADDRESS TOPIC HOW`."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from kafka import KafkaProducer
from kafka.errors import KafkaTimeoutError
from talk import outcomes, say, wait

address, topic, how = sys.argv[1:]
producer = KafkaProducer(bootstrap_servers=address, linger_ms=0, acks="all", max_block_ms=2000)
say(outcomes([producer.send(topic, b"0")]))
wait("stop it")
futures = [producer.send(topic, b"%d" % number) for number in range(1, 6)]
say("sent")
if how == "close":
    with suppress(KafkaTimeoutError):  # since 3.0 it flushes first
        producer.close(timeout=0)
if how == "exit":
    sys.exit(3)
if how == "raise":
    raise SystemExit("in the middle")
if how == "at once":
    os._exit(4)
