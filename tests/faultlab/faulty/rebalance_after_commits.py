"""A member joins while another has gone on after its last commit: it does that work again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from faultlab.kafka import confluent, joined, pull
from faultlab.program import outlive, say, told
from faultlab.truth import fault, place

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, PARTITIONS, COMMITTED = 20, 2, 2


def play(stage: Stage) -> None:
    joined(stage, member, COUNT, PARTITIONS)


def member(topic: str, count: int) -> None:
    reader = confluent(topic)
    for message in pull(reader, count):
        if message.offset() < COMMITTED:
            reader.commit(message, asynchronous=False)
    say("done")
    while not told():
        message = reader.poll(0.2)
        if message is not None:
            again(reader, message)
    outlive()
    reader.close()


def again(reader: Any, message: Any) -> None:
    assert message.error() is None, message.error()
    fault("EDA202", group=message.topic(), **place(message))
    say("again")
    reader.commit(message, asynchronous=False)
