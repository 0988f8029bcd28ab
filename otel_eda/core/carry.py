"""Carries: what a library hands to another thread goes on in the context of whoever called."""

from __future__ import annotations

import functools
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .guard import guarded
from .patching import Arguments

if TYPE_CHECKING:
    from .library import Library
    from .patching import Function, Switch, Wrap


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
