"""Nobody reads the topic, though the shop goes on for long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.kafka import send
from faultlab.program import outlive
from faultlab.truth import fault

if TYPE_CHECKING:
    from faultlab.stage import Stage


def play(stage: Stage) -> None:
    stage.run("shop", shop, stage.topic())


def shop(topic: str) -> None:
    send(topic, 20)
    # That nobody else reads it without instrumentation is not for telemetry to tell.
    fault("EDA107", "LIKELY", destination=topic)
    outlive()
