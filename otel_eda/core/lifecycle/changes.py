"""Calls that are changed, carried into another thread, or none of our business."""

from __future__ import annotations

import functools
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from otel_eda.core.clients.library import SinglePlace
from otel_eda.core.patching.arguments import Arguments
from otel_eda.core.patching.around import Call, around
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.operations import RECEIVE, SEND, SETTLE, TIMED, enter

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_eda.core.clients.library import Library, Place
    from otel_eda.core.patching.patch import Function, Switch
    from otel_eda.core.runtime.operations import Operation


@dataclass(frozen=True)
class Replace(SinglePlace):
    """A function in whose place `change` is called, with the original before the call's own arguments.

    It is so whether anything records or not. `of` is its place, or the shape of one that it has once it is replaced.
    """

    of: Place | str
    change: Callable[..., Any]

    @property
    def target(self) -> str:
        """The place."""
        return self.of if isinstance(self.of, str) else self.of.target

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:
        """Return what is called in the original's place."""
        change = self.change

        @functools.wraps(original)
        def changed(*args: Any, **kwargs: Any) -> Any:
            return change(original, *args, **kwargs) if switch.on else original(*args, **kwargs)

        return changed if isinstance(self.of, str) else self.of.wrap(library, changed, switch)


@dataclass(frozen=True)
class Carry(SinglePlace):
    """A function, sync or async, that has `call`, one of its arguments, called later or by another thread."""

    target: str
    call: str

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:
        """Return the function, whose argument is called in the context of whoever calls the function."""
        arguments = Arguments(original, (self.call,), library.signatures)
        return around(original, switch, partial(self._begin, library, arguments))

    @guarded
    def _begin(
        self, library: Library, arguments: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Call | None:
        # What suppresses the instrumentation here is to do so there.
        taken = None if library.telemetry.find_scope() is None else arguments.take(args, kwargs)
        if taken is None:
            return None
        return Call(*arguments.replace(args, kwargs, self.call, partial(copy_context().run, taken[0])))


_OPERATION_TYPES = {"send": SEND, "receive": RECEIVE | TIMED, "settle": SETTLE}


@dataclass(frozen=True)
class Suppress(SinglePlace):
    """A call, sync or async, in which the library does of its own accord what the application has not called for.

    `operations` are `send`, `receive` or `settle`.
    """

    target: str
    operations: tuple[str, ...]

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:  # noqa: ARG002
        """Return the call, within which such operations pass through."""
        types = functools.reduce(int.__or__, (_OPERATION_TYPES[name] for name in self.operations))
        return around(original, switch, partial(_SuppressedCall, types))


class _SuppressedCall(Call):
    """A call within which operations pass through."""

    __slots__ = ("operation", "types")

    operation: Operation

    def __init__(self, types: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        super().__init__(args, kwargs)
        self.types = types

    def __enter__(self) -> object:
        self.operation = enter(self.types)
        return self

    def left(self, error: BaseException | None) -> None:  # noqa: ARG002  # that is the library's own
        """Let operations be seen again."""
        self.operation.leave()


def within(original: Function, *args: Any, **kwargs: Any) -> Any:
    """Call what a library calls by itself to send and to receive: none of it is the application's own call."""
    operation = enter(SEND | RECEIVE | TIMED)
    try:
        return original(*args, **kwargs)
    finally:
        operation.leave()
