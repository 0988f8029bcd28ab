"""The shape of a call that pulls one message."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from otel_eda.core.clients.instances import client_of
from otel_eda.core.clients.library import SinglePlace
from otel_eda.core.patching.arguments import Arguments
from otel_eda.core.patching.around import Call, around
from otel_eda.core.process import per_task, unwinding
from otel_eda.core.receive.receiving import Receiving
from otel_eda.core.runtime.frames import caller
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.operations import RECEIVE, TIMED, current_operation, passes_through

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from otel_eda.core.clients.library import Library
    from otel_eda.core.patching.patch import Function, Switch
    from otel_eda.core.receive.receiving import Read


def awaiting_frame(frame: FrameType | None) -> FrameType | None:
    """Return a frame if it is a coroutine's or a generator's, else None."""
    # `f_back` of a coroutine's frame is the frame that awaits it, or, for a task's own, the event loop's.
    return frame if frame is not None and frame.f_code.co_flags & unwinding.SUSPENDABLE else None


@dataclass(frozen=True)
class ReceiveOne(SinglePlace):
    """A call, sync or async, that pulls one message.

    The process span lasts until the next pull, commit or close by the same task or, without one, the same thread.
    `reader`, if given, returns what reads the message, from the client and the arguments that `takes` names. The call
    is not `timed` where a pull inside of it is.
    """

    target: str
    operation: str = "poll"
    takes: tuple[str, ...] = ()
    reader: Callable[..., Read] | None = None
    timed: bool = True

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:
        """Return the call, after which its message has a process span."""
        kind = _AwaitedReceiving if inspect.iscoroutinefunction(original) else _OneReceiving
        return around(original, switch, self.beginning(library, original, kind))

    def beginning(
        self, library: Library, original: Function, kind: type[Receiving]
    ) -> Callable[[tuple[Any, ...], dict[str, Any]], Any]:
        """Return the function that begins a call as a pull of this kind."""
        arguments = Arguments(original, self.takes) if self.takes else None
        return partial(self._begin, library, arguments, kind)

    def _begin(
        self,
        library: Library,
        arguments: Arguments | None,
        kind: type[Receiving],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Receiving | _InnerReceiving | None:
        if current_operation.get().types & (TIMED if self.timed else RECEIVE):
            return _InnerReceiving(args, kwargs)
        if not args or passes_through(library.telemetry):
            return None
        client = client_of(args[0], library)
        receiving = kind(client, args[0], self.operation, timed=self.timed, call=(args, kwargs))
        if self.reader is not None:
            taken = () if arguments is None else arguments.take(args, kwargs)
            if taken is not None:
                receiving.read = self.reader(args[0], *taken)
        if not current_operation.get().types & RECEIVE:
            per_task.finish_current(client)
        receiving.enter()
        return receiving


class _InnerReceiving(Call):
    """A call inside of another pull, which has the span and the duration."""

    __slots__ = ()

    def returned(self, result: Any) -> Any:
        """Return the message, once the outer pull knows it."""
        return _pass_to_outer_pull(result)


def _pass_to_outer_pull(record: Any) -> Any:
    within = current_operation.get()
    if within.types & RECEIVE:
        within.record = record  # of a loop's pull; a subclass may return something else than the record
    return record


class _OneReceiving(Receiving):
    """A pull that returns one message to the frame that calls."""

    __slots__ = ()

    def returned(self, result: Any) -> Any:
        """Return the message, once its process span has begun."""
        self.operation.leave()
        self.record = result
        if self.is_inner:
            self._measure()
            return _pass_to_outer_pull(result)
        per_task.begin_current(self, self.pulling_frame(caller(2)))
        return result

    @staticmethod
    def pulling_frame(frame: FrameType | None) -> FrameType | None:
        """Return the application's frame that pulls, given the one that calls: the same."""
        return frame

    @guarded
    def _measure(self) -> None:
        # The outer pull makes the spans; this call takes the time.
        self.read_message()


class _AwaitedReceiving(_OneReceiving):
    """A pull that returns one message to the frame that awaits it."""

    __slots__ = ()

    pulling_frame = staticmethod(awaiting_frame)
