"""A library tells of what it does by signals, and nobody listens to most of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.program import outlive

if TYPE_CHECKING:
    from faultlab.stage import Stage


def play(stage: Stage) -> None:
    stage.run("shop", shop)


def shop() -> None:
    import blinker

    signals = blinker.Namespace()
    started, done = signals.signal("request-started"), signals.signal("request-done")
    listener = done.connect(lambda sender: sender)
    for _ in range(20):
        started.send("shop")
        done.send("shop")
    done.disconnect(listener)
    outlive()
