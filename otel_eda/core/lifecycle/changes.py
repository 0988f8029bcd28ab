"""Shapes of calls that are replaced, carried into another thread, or kept from being recorded."""

from __future__ import annotations

import functools
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from otel_eda.core.clients.library import SinglePlace
from otel_eda.core.patching.arguments import Arguments
from otel_eda.core.patching.around import Call, around
from otel_eda.core.runtime.contexts import attach, carried, get_current
from otel_eda.core.runtime.operations import RECEIVE, SEND, SETTLE, TIMED, enter

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_eda.core.clients.library import Library, Place
    from otel_eda.core.patching.patch import Function, Switch


@dataclass(frozen=True)
class Replace(SinglePlace):
    """A function that `change` replaces; `change` is called with the original and then the call's own arguments.

    It is replaced whether anything is recorded or not. `of` is the place of the function, or the shape that it has once
    it is replaced.
    """

    of: Place | str
    change: Callable[..., Any]

    @property
    def target(self) -> str:
        """The place of the function."""
        return self.of if isinstance(self.of, str) else self.of.target

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:
        """Return the function that calls `change`."""
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
        """Return the function, whose argument is called in a copy of the caller's context (PEP 567)."""
        arguments = Arguments(original, (self.call,), library.signatures)
        return around(original, switch, partial(self._begin, library, arguments))

    def _begin(
        self, library: Library, arguments: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Call | None:
        # Suppression of instrumentation in this context must hold in the other thread, too.
        taken = None if library.telemetry.find_scope() is None else arguments.take(args, kwargs)
        if taken is None or not callable(taken[0]):
            return None  # what cannot be called is the library's to refuse
        context = copy_context()
        context.run(attach, carried(get_current()))
        return Call(*arguments.replace(args, kwargs, self.call, partial(context.run, taken[0])))


_OPERATION_TYPES = {"send": SEND, "receive": RECEIVE | TIMED, "settle": SETTLE}


@dataclass(frozen=True)
class Suppress(SinglePlace):
    """A call, sync or async, in which the library does something that the application has not called for.

    `operations` are `send`, `receive` or `settle`.
    """

    target: str
    operations: tuple[str, ...]

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:  # noqa: ARG002
        """Return the call, in which such operations are not recorded."""
        types = functools.reduce(int.__or__, (_OPERATION_TYPES[name] for name in self.operations))
        return around(original, switch, partial(_SuppressedCall, types))


class _SuppressedCall(Call):
    """One call in which operations are not recorded."""

    __slots__ = ("operation",)

    def __init__(self, types: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        super().__init__(args, kwargs)
        self.operation = enter(types)

    def exited(self, error: BaseException | None) -> None:  # noqa: ARG002  # the block's or call's own error is the library's
        """Let operations be recorded again."""
        self.operation.leave()


def within(original: Function, *args: Any, **kwargs: Any) -> Any:
    """Return the result of a call by which a library sends and receives on its own; nothing in it is recorded."""
    operation = enter(SEND | RECEIVE | TIMED)
    try:
        return original(*args, **kwargs)
    finally:
        operation.leave()
