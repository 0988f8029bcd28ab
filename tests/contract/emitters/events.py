"""What the contract of event emitters is written in: how to emit, and what to ask of the spans."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from emitters.base import Has, How, receiver
from support.spans import current

if TYPE_CHECKING:
    from emitters.base import Emitter, EmitterDriver
    from opentelemetry.sdk.trace import ReadableSpan
    from support.recorder import Recorder
    from support.spans import Ids

EVENT = "paid"


class Seen:
    """Receivers that note the span they run in."""

    def __init__(self, how: How) -> None:
        self.spans: list[Ids] = []
        self.values: list[Any] = []
        self.receive = receiver(how, self._note)

    def _note(self, value: Any) -> Any:
        self.spans.append(current())
        self.values.append(value)
        return value


def emit(emitter: Emitter, event: str = EVENT, value: Any = None) -> Any:
    return asyncio.run(emitter.emit(event, value))


def of_receivers(recorder: Recorder) -> list[ReadableSpan]:
    return [span for span in recorder.ours() if span.name.startswith("process ")]


def of_dispatch(kind: EmitterDriver, recorder: Recorder) -> list[ReadableSpan]:
    found = [span for span in recorder.ours() if span.name.startswith(f"{kind.verb} ")]
    return found if Has.DISPATCH not in kind.cannot else []


def unhandled(recorder: Recorder) -> list[object]:
    return [(point.attributes or {})["eda.event.type"] for point in recorder.points("eda.unhandled.events")]
