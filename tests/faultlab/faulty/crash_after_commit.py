"""The consumer commits before it works, and dies in the middle of a message: nobody works on that one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.kafka import consumer, read, send
from faultlab.program import crash, outlive
from faultlab.truth import fault, harmless, place

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, LAST = 20, 7


def play(stage: Stage) -> None:
    topic = stage.topic()
    stage.run("shop", shop, topic)
    stage.run("billing", dying, topic, status=-9)
    stage.run("billing", billing, topic)


def shop(topic: str) -> None:
    send(topic, COUNT)


def dying(topic: str) -> None:
    reader = consumer(topic, dies=True, max_poll_records=1)
    while True:
        for messages in reader.poll(1000).values():
            for message in messages:
                reader.commit()
                if message.offset == LAST:
                    # Whether it was done in its last moments, of which nothing was exported, nobody can tell.
                    fault("EDA104", "LIKELY", group=topic, **place(message))
                    harmless("EDA703", service="billing")  # what it was at has no span
                    crash()


def billing(topic: str) -> None:
    reader = consumer(topic)
    for _ in read(reader, COUNT - LAST - 1):
        reader.commit()
    outlive()
    reader.close()
