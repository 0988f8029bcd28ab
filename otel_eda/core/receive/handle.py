"""Shapes of a library's calls of the application's handler, and of those in which it notes what came of one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from otel_eda import semconv
from otel_eda.core.clients.library import SinglePlace
from otel_eda.core.patching.around import Call, around
from otel_eda.core.process import per_task
from otel_eda.core.process.hand_over import at_work, current_processing
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.names import function_name
from otel_eda.core.telemetry.errors import ENDS, class_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_eda.core.clients.library import Library
    from otel_eda.core.patching.patch import Function, Switch


@dataclass(frozen=True)
class Handle(SinglePlace):
    """A call, sync or async, of the application's handler by a library that handles what the handler raises.

    The message's processing has failed then, though nothing leaves it; it ends with the call if that is its `end`. An
    exception of a class that is named in `verdicts` only says that the message is done.
    """

    target: str
    end: bool = False
    verdicts: frozenset[str] = frozenset()

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:  # noqa: ARG002
        """Return the call, whose exception is that of the message's processing."""
        if self.verdicts:
            return around(original, switch, partial(_VerdictCall, self.verdicts))
        return around(original, switch, _LastHandlerCall if self.end else _HandlerErrorCall)


@dataclass(frozen=True)
class NoteError(SinglePlace):
    """A call in which a library notes what the application's handler has raised.

    `error` returns that exception from the call's arguments, None if there is none.
    """

    target: str
    error: Callable[..., BaseException | None]

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:  # noqa: ARG002
        """Return the call, after which the message's processing has failed."""
        return around(original, switch, partial(_record_noted, self.error))


@dataclass(frozen=True)
class NameHandler(SinglePlace):
    """A call of the application's handler by a method of the object that has it.

    `handler` returns the application's function from that object.
    """

    target: str
    handler: Callable[[Any], Any]

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:  # noqa: ARG002
        """Return the call, from which the message's process span tells the handler's name."""
        return around(original, switch, partial(_record_name, self.handler))


class _HandlerErrorCall(Call):
    """One call of the application's handler."""

    __slots__ = ()

    def exited(self, error: BaseException | None) -> None:
        """Record why the processing has failed."""
        _record_failure(error)


@guarded
def _record_noted(
    noted: Callable[..., BaseException | None], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Call | None:
    _record_failure(noted(*args, **kwargs))
    return None


@guarded
def _record_name(handler: Callable[[Any], Any], args: tuple[Any, ...], _: dict[str, Any]) -> Call | None:
    name = function_name(handler(args[0]))
    for processing in at_work():
        processing.span.set_attribute(semconv.FUNCTION, name)
    return None


class _VerdictCall(_HandlerErrorCall):
    """A call of the application's handler, which may say by an exception what is to become of the message."""

    __slots__ = ("verdicts",)

    def __init__(self, verdicts: frozenset[str], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        super().__init__(args, kwargs)
        self.verdicts = verdicts

    def exited(self, error: BaseException | None) -> None:
        """Record why the processing has failed, or that the process is told to end."""
        if error is not None and self.verdicts.isdisjoint(map(class_name, type(error).__mro__)):
            _record_failure(error)


@guarded
def _record_failure(error: BaseException | None) -> None:
    if isinstance(error, (Exception, *ENDS)):
        for processing in at_work():
            processing.failure = error


class _LastHandlerCall(_HandlerErrorCall):
    """A call of the application's handler that ends the processing of a message that was pulled singly."""

    __slots__ = ()

    def exited(self, error: BaseException | None) -> None:
        """End the processing, and note why it has failed if it has."""
        super().exited(error)
        self._end()

    @guarded
    def _end(self) -> None:
        processing = current_processing()
        if processing is not None:
            per_task.finish_block(processing)
