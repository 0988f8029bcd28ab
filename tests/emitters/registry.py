"""A registry as many projects write one by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import otel_eda
from emitters.base import Emitter, EmitterDriver, Has, How

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from emitters.base import Body


class Registry:
    def __init__(self) -> None:
        self.handlers: dict[str, list[Body]] = {}

    def register(self, event_type: str, handler: Body) -> Body:
        self.handlers.setdefault(event_type, []).append(handler)
        return handler

    def unregister(self, event_type: str, handler: Body) -> None:
        self.handlers[event_type].remove(handler)

    def handle(self, event_type: str, value: Any) -> list[Any]:
        return [handler(value) for handler in self.handlers.get(event_type, ())]


class AsyncRegistry(Registry):
    async def handle(self, event_type: str, value: Any) -> list[Any]:  # type: ignore[override]
        return [await handler(value) for handler in self.handlers.get(event_type, ())]


class Own(Emitter):
    def __init__(self, native: Registry) -> None:
        self.native = native

    def on(self, event: str, receiver: Body) -> Any:
        return self.native.register(event, receiver)

    def off(self, event: str, receiver: Body) -> None:
        self.native.unregister(event, receiver)

    def receivers(self, event: str) -> list[Any]:
        return list(self.native.handlers.get(event, ()))

    async def emit(self, event: str, value: Any = None) -> Any:
        result: Any = self.native.handle(event, value)
        return await result if isinstance(self.native, AsyncRegistry) else result


class RegistryDriver(EmitterDriver):
    name = "a registry"
    library = "registries"
    verb = "handle"
    cannot: ClassVar[Mapping[Has, str]] = {
        Has.MESSAGES: "an event is a call in the process: it has no headers, no broker and nothing to settle",
        Has.DISPATCH: "the dispatch is a function of the application and runs in its caller's span",
        Has.WEAK: "the application decides how long it keeps handlers",
        Has.ONCE: "the application decides how long it keeps handlers",
        Has.ERRORS: "the application decides what to do with an exception",
    }
    hows = (How.CALL, How.AWAIT)
    classes = (Registry, AsyncRegistry)

    def emitter(self, how: How) -> Emitter:
        kind = AsyncRegistry if how is How.AWAIT else Registry
        return Own(otel_eda.registry(kind)())

    def bad_calls(self) -> Mapping[str, Callable[[], object]]:
        registry: Any = otel_eda.registry(Registry)()
        registry.register("paid", lambda: None)
        return {
            "no event": registry.handle,
            "an argument that the handler has not": lambda: registry.handle("paid", 1),
            "an event that can be no key": lambda: registry.handle([], 1),
            "a handler that is not there": lambda: registry.unregister("paid", print),
        }


DRIVER = RegistryDriver()
