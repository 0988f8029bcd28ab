"""Nobody reads the topic, for it is an archive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.kafka import send
from faultlab.program import outlive
from faultlab.truth import harmless

if TYPE_CHECKING:
    from faultlab.stage import Stage


def play(stage: Stage) -> None:
    stage.run("shop", shop, stage.topic())


def shop(topic: str) -> None:
    send(topic, 20)
    harmless("EDA107", destination=topic)
    outlive()
