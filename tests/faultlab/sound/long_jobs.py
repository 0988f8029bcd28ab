"""Some messages are long jobs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from faultlab.kafka import consumer, late, read, send
from faultlab.program import outlive
from faultlab.truth import harmless, place

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, LONG = 40, (15, 30)


def play(stage: Stage) -> None:
    topic = stage.topic()
    stage.run("shop", send, topic, COUNT)
    stage.run("billing", billing, topic)


def billing(topic: str) -> None:
    reader = consumer(topic)
    for message in read(reader, COUNT):
        late(message)
        if message.offset in LONG:
            harmless("EDA502", **place(message))
            time.sleep(3.0)
        reader.commit()
    outlive()
    reader.close()
