"""The handler never comes back from one message, until the process is killed."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from faultlab.kafka import consumer, read, send
from faultlab.program import export, wait
from faultlab.truth import fault

if TYPE_CHECKING:
    from faultlab.stage import Stage

COUNT, BAD = 40, 30


def play(stage: Stage) -> None:
    topic = stage.topic()
    stage.run("shop", send, topic, COUNT)
    with stage.start("billing", billing, topic) as stuck:
        stuck.wait_for("stuck")
        stuck.signal(signal.SIGKILL)
        stage.finish(stuck, -signal.SIGKILL)


def billing(topic: str) -> None:
    reader = consumer(topic)
    for message in read(reader, COUNT):
        if message.offset == BAD:
            time.sleep(6.0)
            export()  # its age, among others
            # It may be a long job.
            fault("EDA503", "LIKELY", service="billing", group=topic, destination=topic)
            wait("stuck")
        reader.commit()
