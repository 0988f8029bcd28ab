"""The shape of a subscription: the library calls a function of the application's with each message."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from otel_eda.core.clients.instances import client_of
from otel_eda.core.clients.library import SinglePlace
from otel_eda.core.patching.arguments import Arguments
from otel_eda.core.patching.around import Call, around
from otel_eda.core.patching.patch import Proxy
from otel_eda.core.process import deferral
from otel_eda.core.process.processing import begin_processing
from otel_eda.core.runtime import finalizers
from otel_eda.core.runtime.guard import failed
from otel_eda.core.runtime.operations import current_operation, enter, passes_through

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_eda.core.clients.client import Client
    from otel_eda.core.clients.library import Library
    from otel_eda.core.message import Message
    from otel_eda.core.patching.patch import Function, Switch
    from otel_eda.core.process.processing import Processing

    Reader = Callable[..., Message | None]


@dataclass(frozen=True)
class Subscribe(SinglePlace):
    """A call, sync or async, that registers a callback, sync or async, for messages to come.

    `callback` is the name of the argument. `reader`, from the client and the arguments that `takes` names, returns what
    reads a message from the callback's arguments, or None for a callback that is not the application's. The application
    processes a message by hand by its `record`, else by the callback's first argument.
    """

    target: str
    callback: str
    takes: tuple[str, ...]
    reader: Callable[..., Reader | None]
    operation: str = "deliver"

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:
        """Return the call, which registers a proxy of the callback with a process span around each call."""
        return around(
            original, switch, partial(self._begin, library, Arguments(original, (self.callback, *self.takes)))
        )

    def _begin(
        self, library: Library, arguments: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Call | None:
        taken = arguments.take(args, kwargs)
        if taken is None or not callable(taken[0]) or type(taken[0]) is Proxy:
            return None
        callback, *others = taken
        reader = self.reader(args[0], *others)
        if reader is None:
            return None
        calls = _TracedCallback(library, client_of(args[0], library), self.operation, reader, _is_async(callback))
        return Call(*arguments.replace(args, kwargs, self.callback, Proxy(callback, calls.call)))


def _is_async(callback: Any) -> bool:
    return inspect.iscoroutinefunction(callback) or inspect.iscoroutinefunction(getattr(callback, "__call__", None))  # noqa: B004


class _Unawaited:
    """A coroutine that a callback has returned; who never awaits it abandons its message."""

    __slots__ = ("abandon", "coroutine", "is_awaited")

    def __init__(self, coroutine: Any, abandon: Callable[[], object]) -> None:
        self.coroutine, self.abandon, self.is_awaited = coroutine, abandon, False

    def __del__(self) -> None:
        if not self.is_awaited:
            self.coroutine.close()  # the warning about ours, which has its name, is enough
            finalizers.take(self.abandon)


class _TracedCallback:
    """The calls of one callback, each with a message."""

    __slots__ = ("client", "is_async", "library", "operation", "read")

    def __init__(self, library: Library, client: Client, operation: str, read: Reader, awaited: bool) -> None:
        self.library = library
        self.client = client
        self.operation = operation
        self.read = read
        self.is_async = awaited

    def call(self, function: Function, _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call the callback inside of a process span, and return its result."""
        if not self.library.on or passes_through(self.library.telemetry):
            return function(*args, **kwargs)
        if self.is_async:
            return self._call_async(function, args, kwargs)
        processing = self._begin(args, kwargs)
        if processing is None:
            return function(*args, **kwargs)
        # A pull may be in progress, in which the library calls back.
        operation = enter(0) if current_operation.get().types else None
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            self._end(processing, error)
            raise
        finally:
            if operation is not None:
                operation.leave()
        if result is not None and inspect.iscoroutine(result):
            processing.detach()
            return self._awaited(processing, result)
        self._end(processing, None)
        return result

    async def _call_async(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        processing = self._begin(args, kwargs)
        if processing is None:
            return await function(*args, **kwargs)
        return await self._await(processing, function(*args, **kwargs))

    def _awaited(self, processing: Processing, coroutine: Any) -> Any:
        pending = _Unawaited(coroutine, partial(self._end, processing, GeneratorExit()))
        ours: Any = self._begin_awaiting(pending, processing)
        ours.__name__, ours.__qualname__ = coroutine.__name__, coroutine.__qualname__
        return ours

    async def _begin_awaiting(self, pending: _Unawaited, processing: Processing) -> Any:
        pending.is_awaited = True
        return await self._await(processing, pending.coroutine)

    async def _await(self, processing: Processing, coroutine: Any) -> Any:
        processing.attach()
        try:
            result = await coroutine
        except BaseException as error:
            self._end(processing, error)
            raise
        self._end(processing, None)
        return result

    def _begin(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Processing | None:
        try:
            message = self.read(*args, **kwargs)
            if message is None:
                return None
            self.client.record_consumed(self.operation, message.destination, message.partition)
            processing = begin_processing(self.client, args[0], message)
            processing.in_callback = True
        except Exception as error:  # noqa: BLE001  # it is a failure of ours
            failed("core.receive.subscribe._TracedCallback._begin", error)
            return None
        return processing

    def _end(self, processing: Processing, error: BaseException | None) -> None:
        try:
            deferral.finish_or_defer(processing, self.client, deferral.uses_manual, error)
        except Exception as ours:  # noqa: BLE001  # it is a failure of ours
            failed("core.receive.subscribe._TracedCallback._end", ours)
