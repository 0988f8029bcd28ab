"""The consumer commits before it works, and dies in the middle of a message: nobody works on that one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.kafka import consumer, send, work
from faultlab.program import crash
from faultlab.truth import fault, harmless, place

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, LAST = 20, 7


def play(stage: Stage) -> None:
    topic = stage.topic()
    stage.run("shop", send, topic, COUNT)
    stage.run("billing", dying, topic, status=-9)
    stage.run("billing", work, topic, COUNT - LAST - 1)


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
