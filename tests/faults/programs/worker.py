"""Reads five messages and commits each; in the third one's body something happens: `worker.py ADDRESS TOPIC HOW`."""

from __future__ import annotations

import signal
import sys
import threading
from typing import Any, NoReturn

from kafka import KafkaConsumer
from talk import say, wait

THIRD = 2
address, topic, how = sys.argv[1:]


def leave(*_: object) -> NoReturn:
    sys.exit(143)


def body(message: Any) -> None:
    say(f"got {message.offset}")
    if message.offset != THIRD:
        return
    if how == "exit":
        sys.exit(5)
    if how == "raise":
        raise RuntimeError("boom")
    if how == "thread":
        here.set()
        threading.Event().wait()
    wait("in the body")


def work() -> None:
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=address,
        group_id=topic,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        consumer_timeout_ms=10_000,
    )
    for message in consumer:
        body(message)
        consumer.commit()


here = threading.Event()
if how == "handled":
    signal.signal(signal.SIGTERM, leave)
if how == "thread":
    threading.Thread(target=work, daemon=True).start()
    here.wait()
    wait("in the body")
else:
    work()
