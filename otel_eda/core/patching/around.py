"""The one wrapper there is: what it begins before a call of the original ends after it, sync or async."""

from __future__ import annotations

import inspect
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from otel_eda.core.runtime.guard import failed, step_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_eda.core.patching.patch import Function, Switch

    Begin = Callable[[tuple[Any, ...], dict[str, Any]], "Surrounding | None"]


class Surrounding(Protocol):
    """What has begun around one call; the original is called with its `args` and `kwargs`."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def raised(self, error: BaseException, /) -> None:
        """End, with the exception that the original has raised."""

    def returned(self, result: Any, /) -> Any:
        """End, and return the value that the caller gets in place of the original's result."""


class Call:
    """A call with other arguments, and nothing around it; the base of what surrounds a call in other ways."""

    __slots__ = ("args", "kwargs")

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.args = args
        self.kwargs = kwargs

    def exited(self, error: BaseException | None) -> None:
        """End the call, with the exception that the original raised, if any."""

    def raised(self, error: BaseException) -> None:
        """End the call with an exception."""
        self.exited(error)

    def returned(self, result: Any) -> Any:
        """End the call, and return the original's result, or the value that the caller gets in its place."""
        self.exited(None)
        return result


def around(original: Function, switch: Switch, begin: Begin) -> Function:
    """Return a function that calls an original, and around it what `begin` returns for the arguments.

    Where `begin` returns None or fails, and while the switch is off, the original is called with the very arguments,
    and that is all. Nothing else may raise: the original's result and exception belong to the application.
    """
    step = step_name(begin.func if isinstance(begin, partial) else begin)
    return (_awaited if inspect.iscoroutinefunction(original) else _called)(original, switch, begin, step)


def _called(original: Function, switch: Switch, begin: Begin, step: str) -> Function:
    def call(*args: Any, **kwargs: Any) -> Any:
        surrounding = None
        try:
            surrounding = begin(args, kwargs) if switch.on else None
        except Exception as error:  # noqa: BLE001  # it is a failure of ours
            failed(step, error)
        if surrounding is None:
            return original(*args, **kwargs)
        try:
            result = original(*surrounding.args, **surrounding.kwargs)
        except BaseException as error:
            surrounding.raised(error)
            raise
        return surrounding.returned(result)

    return call


def _awaited(original: Function, switch: Switch, begin: Begin, step: str) -> Function:
    async def call(*args: Any, **kwargs: Any) -> Any:
        surrounding = None
        try:
            surrounding = begin(args, kwargs) if switch.on else None
        except Exception as error:  # noqa: BLE001  # it is a failure of ours
            failed(step, error)
        if surrounding is None:
            return await original(*args, **kwargs)
        try:
            result = await original(*surrounding.args, **surrounding.kwargs)
        except BaseException as error:
            surrounding.raised(error)
            raise
        return surrounding.returned(result)

    return call
