"""Loops over a consumer, or over a generator of messages."""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import wrapt

from otel_eda.core.clients.instances import client_of
from otel_eda.core.patching.arguments import Arguments
from otel_eda.core.patching.patch import originals
from otel_eda.core.process.loops import AsyncLoop, Generated, Loop
from otel_eda.core.receive.receiving import Pull
from otel_eda.core.runtime.guard import failed, guarded
from otel_eda.core.runtime.operations import idle

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_eda.core.clients.client import Client
    from otel_eda.core.clients.library import Library
    from otel_eda.core.patching.patch import Function, Switch, Wrap
    from otel_eda.core.process.loops import Puller
    from otel_eda.core.receive.receiving import Read


@dataclass(frozen=True)
class Iterate:
    """An `__iter__` that gives the consumer itself, or another object, whose `__next__` pulls one message.

    Or an `__aiter__` likewise. `reader`, if there is one, gives what reads the messages, from the consumer; `timed` is
    as with `PullOne`.
    """

    target: str
    operation: str = "poll"
    reader: Callable[[Any], Read] | None = None
    timed: bool = False

    def wrap(self, library: Library) -> Wrap:
        """Give what makes the wrapper."""
        is_async = self.target.endswith(".__aiter__")
        kind, pull = (AsyncLoop, self._pull_async) if is_async else (Loop, self._pull)

        def make(original: Function, switch: Switch) -> Function:
            def iterate(*args: Any, **kwargs: Any) -> Any:
                result = original(*args, **kwargs)
                if not switch.on or not args:
                    return result
                try:
                    read = self.reader(args[0]) if self.reader is not None else library.message
                    puller = functools.partial(pull, library, read)
                    return kind(result, client_of(args[0], library), puller, sys._getframe(1))
                except Exception as error:  # noqa: BLE001  # whatever it is, it is ours
                    failed("loop", error)
                    return result

            return iterate

        return make

    # By the consumer's own class, so that a subclass or somebody else's wrapper has its say.
    def _pull(self, library: Library, read: Read, consumer: Any, client: Client) -> tuple[Any, Pull | None]:
        step = type(consumer).__next__
        step = originals.get(step, step)  # ours would find that it is an inner call, and pass on
        if idle(library.telemetry):
            return step(consumer), None
        pull = Pull(client, consumer, self.operation, read, self.timed)
        with pull as within:
            result = step(consumer)
        pull.record = result if within.record is None else within.record
        return result, pull

    async def _pull_async(self, library: Library, read: Read, consumer: Any, client: Client) -> tuple[Any, Pull | None]:
        if idle(library.telemetry):
            return await type(consumer).__anext__(consumer), None
        pull = Pull(client, consumer, self.operation, read, self.timed)
        with pull as within:
            result = await type(consumer).__anext__(consumer)
        pull.record = result if within.record is None else within.record
        return result, pull


class _Looked(wrapt.BoundFunctionWrapper):  # type: ignore[type-arg]  # wrapt 1 has no parameters
    def __reduce_ex__(self, _: Any) -> tuple[Any, ...]:
        from pkgutil import resolve_name

        function = self.__wrapped__
        return resolve_name, (f"{function.__module__}:{function.__qualname__}",)  # functions are pickled by name


class _GeneratorFunction(wrapt.FunctionWrapper):  # type: ignore[type-arg]  # wrapt 1 has no parameters
    """What still is a generator function to everyone who looks."""

    __bound_function_wrapper__ = _Looked


@dataclass(frozen=True)
class Generate:
    """A call that gives a generator of messages; `reader`, from the client and the arguments, gives what reads one."""

    target: str
    takes: tuple[str, ...]
    reader: Callable[..., Read]
    operation: str = "consume"

    def wrap(self, library: Library) -> Wrap:
        """Give what makes the wrapper."""

        def make(original: Function, switch: Switch) -> Function:
            arguments = Arguments(original, self.takes)

            @guarded
            def generated(result: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
                read = self.reader(args[0], *arguments.read(*args, **kwargs))
                return Generated(result, client_of(args[0], library), self._puller(library, read))

            def generate(function: Function, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
                result = function(*args, **kwargs)
                return (generated(result, (instance, *args), kwargs) if switch.on else None) or result

            return _GeneratorFunction(original, generate)

        return make

    def _puller(self, library: Library, read: Read) -> Puller:
        def pull(generator: Any, client: Client) -> tuple[Any, Pull | None]:
            if idle(library.telemetry):
                return next(generator), None
            pull = Pull(client, None, self.operation, read)
            with pull:
                pull.record = next(generator)
            return pull.record, pull

        return pull
