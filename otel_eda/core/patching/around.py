"""The one wrapper there is: it enters a context manager around a call of the original, sync or async."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from otel_eda.core.patching.patch import Function, Switch

    Begin = Callable[[tuple[Any, ...], dict[str, Any]], "Surrounding | None"]


class Surrounding(Protocol):
    """The context manager around one call; the original is called with its `args` and `kwargs`."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def __enter__(self) -> object:
        """Begin, before the original is called."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """End, with the exception that the original raised, if any."""

    def returned(self, result: Any, /) -> Any:
        """Return the value that the caller gets in place of the original's result."""


class Call:
    """A call with other arguments, and nothing around it; the base of what surrounds a call in other ways."""

    __slots__ = ("args", "kwargs")

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.args = args
        self.kwargs = kwargs

    def __enter__(self) -> object:
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        self.exited(error)

    def exited(self, error: BaseException | None) -> None:
        """End the call, with the exception that the original raised, if any."""

    def returned(self, result: Any) -> Any:
        """Return the original's result, or the value that the caller gets in its place."""
        return result


def around(original: Function, switch: Switch, begin: Begin) -> Function:
    """Return a function that calls an original inside of the context manager that `begin` returns for the arguments.

    Where `begin` returns None, and while the switch is off, the original is called with the very arguments, and that is
    all. Neither `begin` nor the context manager may raise: the original's result and exception belong to the
    application.
    """

    def call(*args: Any, **kwargs: Any) -> Any:
        surrounding = begin(args, kwargs) if switch.on else None
        if surrounding is None:
            return original(*args, **kwargs)
        with surrounding:
            result = original(*surrounding.args, **surrounding.kwargs)
        return surrounding.returned(result)

    async def call_async(*args: Any, **kwargs: Any) -> Any:
        surrounding = begin(args, kwargs) if switch.on else None
        if surrounding is None:
            return await original(*args, **kwargs)
        with surrounding:
            result = await original(*surrounding.args, **surrounding.kwargs)
        return surrounding.returned(result)

    return call_async if inspect.iscoroutinefunction(original) else call
