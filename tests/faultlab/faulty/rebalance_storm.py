"""Two members of a group come and go, and hand one partition to and fro."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.kafka import consumer, late, read, send
from faultlab.program import outlive, wait
from faultlab.truth import fault

if TYPE_CHECKING:
    from faultlab.stage import Stage

TURNS, EACH = 5, 2


def play(stage: Stage) -> None:
    topic = stage.topic()
    stage.run("shop", shop, topic)
    with stage.start("billing", member, topic) as one, stage.start("billing", member, topic) as two:
        for turn in range(TURNS):
            for program in (one, two):
                program.wait_for(f"ready for {turn}")
                program.go_on()
                program.wait_for(f"done with {turn}")
        for program in (one, two):
            program.go_on()
            stage.finish(program)


def shop(topic: str) -> None:
    send(topic, 2 * TURNS * EACH)
    # Who owns a partition is known from who works on it only.
    fault("EDA602", "LIKELY", group=topic, destination=topic)


def member(topic: str) -> None:
    for turn in range(TURNS):
        wait(f"ready for {turn}")
        reader = consumer(topic)
        for message in read(reader, EACH):
            late(message)
            reader.commit()
        reader.close()
        print(f"done with {turn}", flush=True)
    wait("done")
    outlive()
