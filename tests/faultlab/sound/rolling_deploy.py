"""Two members of a group are replaced one after the other while messages come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.kafka import consumer, late, send
from faultlab.program import outlive, say, told

if TYPE_CHECKING:
    from faultlab.stage import Stage

PARTITIONS = 4


def play(stage: Stage) -> None:
    topic = stage.topic(PARTITIONS)
    with stage.start("shop", shop, topic) as shop_, stage.start("billing", billing, topic) as one:
        one.wait_for("working")
        with stage.start("billing", billing, topic) as two:
            two.wait_for("working")
            one.go_on()
            stage.finish(one)
            with stage.start("billing", billing, topic) as three:
                three.wait_for("working")
                two.go_on()
                stage.finish(two)
                shop_.go_on()
                stage.finish(shop_)
                three.go_on()
                stage.finish(three)


def shop(topic: str) -> None:
    while not told():
        send(topic, 20, keys=8)


def billing(topic: str) -> None:
    reader = consumer(topic)
    while not told():
        for messages in reader.poll(200).values():
            say("working")
            for message in messages:
                late(message)  # while partitions changed hands
        reader.commit()
    reader.close()
    outlive()
