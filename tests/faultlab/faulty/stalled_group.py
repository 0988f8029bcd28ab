"""A message is tried in place for ever: the consumer lives, commits, and does not get past it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from faultlab.kafka import consumer, read, send
from faultlab.program import GRACE, outlive
from faultlab.truth import fault

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, BAD = 30, 12


def play(stage: Stage) -> None:
    topic = stage.topic()
    stage.run("shop", send, topic, COUNT)
    stage.run("billing", billing, topic)


def billing(topic: str) -> None:
    from kafka import TopicPartition

    reader = consumer(topic)
    begin, attempts = time.monotonic(), 0
    while attempts < 10 or time.monotonic() < begin + 2 * GRACE:
        message = next(iter(read(reader, 1)))
        done = billed(message)
        if not done:
            reader.seek(TopicPartition(topic, 0), message.offset)
            attempts += 1
            time.sleep(0.2)
        reader.commit()
    here = {"group": topic, "destination": topic, "partition": "0"}
    fault("EDA504", "LIKELY", **here)  # somebody without instrumentation may have gone on
    fault("EDA402", **here, offset=BAD)
    outlive()
    reader.close()


def billed(message: Any) -> bool:
    import otel_eda

    try:
        with otel_eda.process(message):
            if message.offset == BAD:
                raise ValueError("no price")
    except ValueError:
        return False
    return True
