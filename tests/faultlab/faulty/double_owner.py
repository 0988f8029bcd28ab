"""A member stands still for longer than its session, in the middle of a message; its heir works on it meanwhile."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from faultlab.kafka import consumer, late, read, send
from faultlab.program import outlive, wait
from faultlab.truth import fault, harmless, place

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, BAD = 20, 7


def play(stage: Stage) -> None:
    topic = stage.topic()
    stage.run("shop", send, topic, COUNT)
    with stage.start("billing", frozen, topic) as one:
        one.wait_for("in the middle")
        one.signal(signal.SIGSTOP)
        with stage.start("billing", heir, topic) as two:
            two.wait_for("has it")
            one.signal(signal.SIGCONT)
            one.go_on()
            stage.finish(one)
            two.go_on()
            stage.finish(two)


def frozen(topic: str) -> None:
    from kafka.errors import KafkaError

    import otel_eda

    reader = consumer(topic, dies=True)
    for message in read(reader, BAD + 1):
        with otel_eda.process(message):
            if message.offset == BAD:
                harmless("EDA502", **place(message))
                wait("in the middle")
        try:
            reader.commit()
        except KafkaError:  # it is no member any more
            break
    outlive()


def heir(topic: str) -> None:
    import otel_eda

    reader = consumer(topic)
    for message in read(reader, COUNT - BAD):
        with otel_eda.process(message):
            late(message)
            if message.offset == BAD:
                harmless("EDA502", **place(message))
                fault("EDA203", group=topic, **place(message))
                wait("has it")
        reader.commit()
    outlive()
    reader.close()
