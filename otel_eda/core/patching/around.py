"""The one wrapper there is: a begin before a call of an original, an end after it, whether that is sync or async."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from otel_eda.core.patching.patch import Function, Switch

    Begin = Callable[[tuple[Any, ...], dict[str, Any]], "Surrounding | None"]


class Surrounding(Protocol):
    """What goes on around one call: entered before it, left after it, with the arguments that the original is given."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def __enter__(self) -> object:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """End, with what the call raised."""

    def returned(self, result: Any, /) -> Any:
        """Return what the caller gets in the place of a call's result."""


class Call:
    """A call with other arguments, and nothing around it; what surrounds a call in other ways derives from it."""

    __slots__ = ("args", "kwargs")

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.args = args
        self.kwargs = kwargs

    def __enter__(self) -> object:
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        self.left(error)

    def left(self, error: BaseException | None) -> None:
        """End, with what the call raised."""

    def returned(self, result: Any) -> Any:
        """Return what the caller gets in the place of a call's result."""
        return result


def around(original: Function, switch: Switch, begin: Begin) -> Function:
    """Return a function that does what an original does, surrounded by what `begin` returns for the call's arguments.

    Where that is None, and while the switch is off, the original is called with the very arguments, and that is all.
    Neither `begin`, nor what it returns, may raise: the original's result and exception are the application's.
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
