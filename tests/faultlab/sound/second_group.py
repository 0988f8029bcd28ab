"""Another group begins to read later, at the end; a third one reads everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.kafka import consumer, late, read, send
from faultlab.program import outlive, wait

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT = 20


def play(stage: Stage) -> None:
    topic = stage.topic()
    stage.run("shop", send, topic, COUNT)
    stage.run("billing", everything, topic, "billing", COUNT)
    with stage.start("audit", latest, topic) as audit:
        audit.wait_for("there")
        audit.go_on()
        stage.run("shop", send, topic, COUNT)
        stage.finish(audit)
    stage.run("billing", everything, topic, "billing", COUNT)
    stage.run("screen", everything, topic, "screen", 2 * COUNT)


def latest(topic: str) -> None:
    reader = consumer(topic, group_id=f"{topic}-audit", auto_offset_reset="latest")
    while not reader.assignment():
        reader.poll(100)
    for partition in reader.assignment():
        reader.position(partition)
    wait("there")
    for message in read(reader, COUNT):
        late(message)
        reader.commit()
    outlive()
    reader.close()


def everything(topic: str, group: str, count: int) -> None:
    reader = consumer(topic, group_id=f"{topic}-{group}")
    for message in read(reader, count):
        late(message)
        reader.commit()
    outlive()
    reader.close()
