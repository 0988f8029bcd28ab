"""Sends before, while and after its broker is away: `outage.py ADDRESS TOPIC DELIVERY_TIMEOUT_MS`."""

from __future__ import annotations

import sys

from kafka import KafkaProducer
from kafka.errors import KafkaTimeoutError
from talk import outcomes, say, wait

COUNT = 20
address, topic, patience = sys.argv[1:]
LATER = "delivery_timeout_ms" in KafkaProducer.DEFAULT_CONFIG  # since 2.1; before, a request's timeout is all there is
LIMITS = {"delivery_timeout_ms": int(patience), "request_timeout_ms": 1000}
producer = KafkaProducer(
    bootstrap_servers=address,
    acks="all",
    retries=100_000,
    retry_backoff_ms=50,
    reconnect_backoff_max_ms=200,
    max_block_ms=1000,
    **(LIMITS if LATER else {"request_timeout_ms": int(patience)}),
)


def send() -> list[object]:
    return [producer.send(topic, b"%d" % number) for number in range(COUNT)]


say(outcomes(send()))
wait("stop it")
meanwhile = send()
try:
    producer.send(f"{topic}-unheard-of", b"1")
except KafkaTimeoutError as error:
    say(type(error).__name__)
if int(patience) < 10_000:
    say(outcomes(meanwhile))
wait("start it")
if int(patience) >= 10_000:
    say(outcomes(meanwhile))
later = send()
producer.flush()
say(outcomes(later))
producer.close()
