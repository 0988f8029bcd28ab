"""The consumer seeks over three messages, as after a wrong calculation of where it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.kafka import consumer, read, send
from faultlab.program import outlive
from faultlab.truth import fault

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, FROM, TO = 20, 7, 10


def play(stage: Stage) -> None:
    topic = stage.topic()
    stage.run("shop", send, topic, COUNT)
    stage.run("billing", billing, topic)


def billing(topic: str) -> None:
    from kafka import TopicPartition

    reader = consumer(topic)
    for message in read(reader, COUNT - (TO - FROM)):
        reader.commit()
        if message.offset == FROM - 1:
            reader.seek(TopicPartition(topic, 0), TO)
            for offset in range(FROM, TO):
                # That the group could have seen them (they may have been compacted away) is not known.
                fault("EDA104", "LIKELY", group=topic, destination=topic, partition="0", offset=offset)
    outlive()
    reader.close()
