"""An event is dispatched for which no handler was ever registered: its name has a typing error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faultlab.program import outlive
from faultlab.truth import fault

if TYPE_CHECKING:
    from faultlab.stage import Stage


def play(stage: Stage) -> None:
    stage.run("shop", shop)


def shop() -> None:
    from pyee.base import EventEmitter

    emitter = EventEmitter()
    emitter.on("order_placed", lambda number: number)
    for number in range(20):
        emitter.emit("order_placed", number)
    if not emitter.emit("order_palced", 20):
        # That nobody has to handle it is not for telemetry to know.
        fault("EDA406", "LIKELY", service="shop", destination="order_palced")
    outlive()
