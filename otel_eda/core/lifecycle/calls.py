"""Changes: functions that an adapter changes itself, where a library's messages have no place for headers."""

from __future__ import annotations

import functools
import inspect
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_eda.core.patching.arguments import Arguments
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.operations import RECEIVE, SEND, SETTLE, TIMED, enter

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_eda.core.clients.library import Library, Shape
    from otel_eda.core.patching.patch import Function, Switch, Wrap


@dataclass(frozen=True)
class Change:
    """A function in whose place `change` is called, with the original before the call's own arguments.

    It is so whether anything records or not. `of` is its place, or the shape that it has once it is changed.
    """

    of: Shape | str
    change: Callable[..., Any]

    @property
    def target(self) -> str:
        """The place."""
        return self.of if isinstance(self.of, str) else self.of.target

    def wrap(self, library: Library) -> Wrap:
        """Give what makes the wrapper."""
        around = None if isinstance(self.of, str) else self.of.wrap(library)

        def make(original: Function, switch: Switch) -> Function:
            change = self.change

            @functools.wraps(original)
            def changed(*args: Any, **kwargs: Any) -> Any:
                return change(original, *args, **kwargs) if switch.on else original(*args, **kwargs)

            return changed if around is None else around(changed, switch)

        return make


def within(original: Function, *args: Any, **kwargs: Any) -> Any:
    """Call what a library calls by itself to send and to pull: none of it is the application's own call."""
    operation = enter(SEND | RECEIVE | TIMED)
    try:
        return original(*args, **kwargs)
    finally:
        operation.leave()


@dataclass(frozen=True)
class Internal:
    """A call, sync or async, in which the library settles of its own accord what the application has not seen."""

    target: str

    def wrap(self, library: Library) -> Wrap:  # noqa: ARG002  # every shape is asked alike
        """Give what makes the wrapper."""

        def make(original: Function, switch: Switch) -> Function:
            def settle(*args: Any, **kwargs: Any) -> Any:
                if not switch.on:
                    return original(*args, **kwargs)
                with enter(SETTLE):
                    return original(*args, **kwargs)

            async def settle_async(*args: Any, **kwargs: Any) -> Any:
                if not switch.on:
                    return await original(*args, **kwargs)
                with enter(SETTLE):
                    return await original(*args, **kwargs)

            return settle_async if inspect.iscoroutinefunction(original) else settle

        return make


@dataclass(frozen=True)
class Carry:
    """An async function that has `call`, one of its arguments, called by another thread."""

    target: str
    call: str

    def wrap(self, library: Library) -> Wrap:
        """Give what makes the wrapper."""

        def make(original: Function, switch: Switch) -> Function:
            arguments = Arguments(original, (self.call,), library.signatures)

            @guarded
            def carried(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
                (call,) = arguments.read(*args, **kwargs)
                return arguments.replace(args, kwargs, self.call, functools.partial(copy_context().run, call))

            async def carry(*args: Any, **kwargs: Any) -> Any:
                # What suppresses the instrumentation here is to do so there.
                if switch.on and library.telemetry.look() is not None:
                    args, kwargs = carried(args, kwargs) or (args, kwargs)
                return await original(*args, **kwargs)

            return carry

        return make
