"""For a while nobody takes the consumer's telemetry, and what it exports then is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.kafka import consumer, read, send
from faultlab.program import export, outlive, wait
from faultlab.truth import harmless

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, FROM, TO = 60, 20, 40


def play(stage: Stage) -> None:
    topic = stage.topic()
    stage.run("shop", send, topic, COUNT)
    with stage.start("billing", billing, topic) as program:
        program.wait_for("before")
        with stage.outage():
            program.go_on()
            program.wait_for("after")
        program.go_on()
        stage.finish(program)


def billing(topic: str) -> None:
    reader = consumer(topic)
    for message in read(reader, COUNT):
        reader.commit()
        if message.offset in {FROM, TO}:
            export()
            wait("before" if message.offset == FROM else "after")
    harmless("EDA703", service="billing")
    outlive()
    reader.close()
