"""pyee, 9 and later."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar

from pyee.asyncio import AsyncIOEventEmitter
from pyee.base import EventEmitter
from pyee.executor import ExecutorEventEmitter

from emitters.base import Emitter, EmitterDriver, Has, How

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from emitters.base import Body


class Pyee(Emitter):
    native: EventEmitter

    def __init__(self, native: EventEmitter) -> None:
        self.native = native

    def on(self, event: str, receiver: Body) -> Any:
        return self.native.on(event, receiver)

    def once(self, event: str, receiver: Body) -> Any:
        return self.native.once(event, receiver)

    def off(self, event: str, receiver: Body) -> None:
        self.native.remove_listener(event, receiver)

    def receivers(self, event: str) -> list[Any]:
        return self.native.listeners(event)

    async def emit(self, event: str, value: Any = None) -> Any:
        return self.native.emit(event, value)


class Asyncio(Pyee):
    def __init__(self) -> None:
        super().__init__(AsyncIOEventEmitter())

    async def emit(self, event: str, value: Any = None) -> Any:
        result = self.native.emit(event, value)
        waiting: Any = self.native
        while waiting._waiting:
            await asyncio.wait(list(waiting._waiting))
            await asyncio.sleep(0)  # for the callback that emits the error
        return result


class Threads(Pyee):
    def __init__(self) -> None:
        self.executor = ThreadPoolExecutor(1)
        super().__init__(ExecutorEventEmitter(self.executor))

    async def emit(self, event: str, value: Any = None) -> Any:
        result = self.native.emit(event, value)
        for _ in range(2):  # the error of one is emitted in the thread, and has one more run there
            self.executor.submit(int).result(30)
        return result

    def close(self) -> None:
        self.executor.shutdown()


class PyeeDriver(EmitterDriver):
    name = library = "pyee"
    verb = "emit"
    cannot: ClassVar[Mapping[Has, str]] = {
        Has.MESSAGES: "an event is a call in the process: it has no headers, no broker and nothing to settle",
        Has.RESULTS: "`emit` returns only whether there were listeners",
        Has.WEAK: "a listener stays until it is removed",
    }
    hows = (How.CALL, How.TASK, How.THREAD)
    classes = (EventEmitter, AsyncIOEventEmitter, ExecutorEventEmitter)

    def emitter(self, how: How) -> Emitter:
        return {How.CALL: lambda: Pyee(EventEmitter()), How.TASK: Asyncio, How.THREAD: Threads}[how]()

    def bad_calls(self) -> Mapping[str, Callable[[], object]]:
        emitter: Any = EventEmitter()
        emitter.on("paid", lambda: None)
        return {
            "no event": emitter.emit,
            "an argument that the listener has not": lambda: emitter.emit("paid", 1),
            "an event that can be no key": lambda: emitter.emit([]),
            "an error that nobody listens to": lambda: emitter.emit("error", KeyError("paid")),
            "an error that is none": lambda: emitter.emit("error", "paid"),
            "a listener that is not there": lambda: emitter.remove_listener("paid", print),
        }


DRIVER = PyeeDriver()
