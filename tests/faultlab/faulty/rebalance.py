"""A member joins while another has done work that it has not committed: it does half of that again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.kafka import consumer, joined, read
from faultlab.program import outlive, say, told
from faultlab.truth import fault, place

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, PARTITIONS = 20, 2


def play(stage: Stage) -> None:
    joined(stage, member, COUNT, PARTITIONS)


def member(topic: str, count: int) -> None:
    reader = consumer(topic)
    for _ in read(reader, count):
        pass  # and no commit
    say("done")
    while not told():
        for messages in reader.poll(200).values():
            for message in messages:
                # What was committed is not known: commits of several partitions at once tell no offsets.
                fault("EDA202", "LIKELY", group=topic, **place(message))
            say("again")
    reader.commit()
    outlive()
    reader.close()
