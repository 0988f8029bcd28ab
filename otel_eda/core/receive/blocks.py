"""What a library has around the processing of a message: its own `with`, its handling of what a handler raises."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from opentelemetry.context import get_current

from otel_eda.core.clients.instances import ATTRIBUTE, client_of
from otel_eda.core.patching.arguments import Arguments
from otel_eda.core.process.manual import Process
from otel_eda.core.runtime.contexts import TURN
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.operations import idle

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_eda.core.clients.library import Library
    from otel_eda.core.patching.patch import Function, Switch, Wrap
    from otel_eda.core.process.processing import Turn


class _Inner:
    """A block within its message's own turn: it only tells how that ends."""

    def __init__(self, turn: Turn) -> None:
        self.turn = turn

    @guarded
    def leaving(self, error: BaseException | None) -> None:
        """Note by which exception it is left, since what the library does now may end the turn."""
        self.turn.failure = error

    @guarded
    def left(self, _: BaseException | None) -> None:
        """End a turn that is over but for this block."""
        if self.turn.over_at:
            self.turn.end()


class _Whole:
    """A block that is the processing, since the message has no turn here."""

    def __init__(self, library: Library, record: Any) -> None:
        client_of(record, library)  # by which it will be known
        self.process = Process(record)
        self.process.__enter__()

    def leaving(self, error: BaseException | None) -> None:
        """Note nothing: what the library does now is part of the processing."""

    def left(self, error: BaseException | None) -> None:
        """End the processing."""
        self.process.__exit__(None, error, None)


@dataclass(frozen=True)
class Enter:
    """The begin of a block, sync or async, around the processing of a message, which `record` gives."""

    target: str
    record: Callable[[Any], Any]

    def wrap(self, library: Library) -> Wrap:
        """Give what makes the wrapper."""

        def make(original: Function, switch: Switch) -> Function:
            def enter(*args: Any, **kwargs: Any) -> Any:
                result = original(*args, **kwargs)
                if switch.on and args and not idle(library.telemetry):
                    self._begin(library, args[0])
                return result

            async def enter_async(*args: Any, **kwargs: Any) -> Any:
                result = await original(*args, **kwargs)
                if switch.on and args and not idle(library.telemetry):
                    self._begin(library, args[0])
                return result

            return enter_async if inspect.iscoroutinefunction(original) else enter

        return make

    @guarded
    def _begin(self, library: Library, block: Any) -> None:
        if ATTRIBUTE in block.__dict__:
            return  # the library enters by another of its ways
        record, turn = self.record(block), cast("Turn | None", get_current().get(TURN))
        inner = turn is not None and turn.record is record and not turn.over_at
        block.__dict__[ATTRIBUTE] = _Inner(turn) if turn is not None and inner else _Whole(library, record)


@dataclass(frozen=True)
class Leave:
    """The end of a block, sync or async; `error` names the argument that is the exception it is left by."""

    target: str
    error: str

    def wrap(self, library: Library) -> Wrap:  # noqa: ARG002  # every shape is asked alike
        """Give what makes the wrapper."""

        def make(original: Function, switch: Switch) -> Function:  # noqa: ARG001  # what was entered is left
            arguments = Arguments(original, (self.error,))

            @guarded
            def entered(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[_Inner | _Whole, Any] | None:
                block = args[0].__dict__.pop(ATTRIBUTE, None)
                if block is None:
                    return None
                (error,) = arguments.read(*args, **kwargs)
                block.leaving(error)
                return block, error

            def leave(*args: Any, **kwargs: Any) -> Any:
                found = entered(args, kwargs)
                try:
                    return original(*args, **kwargs)
                finally:
                    if found is not None:
                        found[0].left(found[1])

            async def leave_async(*args: Any, **kwargs: Any) -> Any:
                found = entered(args, kwargs)
                try:
                    return await original(*args, **kwargs)
                finally:
                    if found is not None:
                        found[0].left(found[1])

            return leave_async if inspect.iscoroutinefunction(original) else leave

        return make


@dataclass(frozen=True)
class Handle:
    """A call, sync or async, of the application's handler, by a library that handles what it raises.

    The message's processing has failed then, though nothing leaves it.
    """

    target: str

    def wrap(self, library: Library) -> Wrap:  # noqa: ARG002  # every shape is asked alike
        """Give what makes the wrapper."""

        def make(original: Function, switch: Switch) -> Function:
            def handle(*args: Any, **kwargs: Any) -> Any:
                try:
                    return original(*args, **kwargs)
                except Exception as error:
                    _raised(switch, error)
                    raise

            async def handle_async(*args: Any, **kwargs: Any) -> Any:
                try:
                    return await original(*args, **kwargs)
                except Exception as error:
                    _raised(switch, error)
                    raise

            return handle_async if inspect.iscoroutinefunction(original) else handle

        return make


@guarded
def _raised(switch: Switch, error: Exception) -> None:
    turn = cast("Turn | None", get_current().get(TURN))
    if switch.on and turn is not None and not turn.done:
        turn.failure = error
