"""blinker, 1.6 and later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import blinker
from blinker.base import NamedSignal

from emitters.base import Emitter, EmitterDriver, Has, How

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from emitters.base import Body


class Signals(Emitter):
    def __init__(self, how: How) -> None:
        self.native = blinker.Namespace()
        self.how = how

    def on(self, event: str, receiver: Body) -> Any:
        return self.native.signal(event).connect(receiver)

    def off(self, event: str, receiver: Body) -> None:
        self.native.signal(event).disconnect(receiver)

    def receivers(self, event: str) -> list[Any]:
        return list(self.native.signal(event).receivers_for(None))

    async def emit(self, event: str, value: Any = None) -> Any:
        signal = self.native.signal(event)
        return await signal.send_async(value) if self.how is How.AWAIT else signal.send(value)


class BlinkerDriver(EmitterDriver):
    name = library = "blinker"
    verb = "send"
    cannot: ClassVar[Mapping[Has, str]] = {
        Has.MESSAGES: "a signal is a call in the process: it has no headers, no broker and nothing to settle",
        Has.ONCE: "a receiver stays until it is disconnected or dropped",
        Has.ERRORS: "the sender gets a receiver's exception",
    }
    hows = (How.CALL, How.AWAIT)
    classes = (blinker.Signal, NamedSignal)

    def emitter(self, how: How) -> Emitter:
        return Signals(how)

    def bad_calls(self) -> Mapping[str, Callable[[], object]]:
        def pleased(_: object) -> None: ...

        async def later(_: object) -> None: ...

        signal, of_async = blinker.Signal(), blinker.Signal()
        signal.connect(pleased)
        of_async.connect(later)
        self.kept = pleased, later
        send: Any = signal.send
        return {
            "two senders": lambda: send(1, 2),
            "an argument that the receiver has not": lambda: send(1, more=2),
            "a coroutine function": of_async.send,
        }


DRIVER = BlinkerDriver()
