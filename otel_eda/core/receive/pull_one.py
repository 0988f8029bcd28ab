"""Calls that pull one message."""

from __future__ import annotations

import inspect
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_eda.core.clients.instances import client_of
from otel_eda.core.patching.arguments import Arguments
from otel_eda.core.process import per_task, unwinding
from otel_eda.core.receive.receiving import Pull
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.operations import RECEIVE, TIMED, busy, idle

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from otel_eda.core.clients.library import Library
    from otel_eda.core.patching.patch import Function, Switch, Wrap
    from otel_eda.core.receive.receiving import Read


def awaiting(frame: FrameType) -> FrameType | None:
    """Give a frame if it is one that awaits."""
    # Beneath a coroutine is what awaits it, or, if that is a task, what runs all tasks.
    return frame if frame.f_code.co_flags & unwinding.SUSPENDABLE else None


def _noted(record: Any) -> Any:
    within = busy.get()
    if within.types & RECEIVE:
        within.record = record  # a loop's pull; a subclass may yet make something else of the record
    return record


def _inner(pull: Pull) -> Any:
    # Within another pull, that one makes the spans, and this one is what takes the time.
    _measure(pull)
    return _noted(pull.record)


@guarded
def _measure(pull: Pull) -> None:
    pull.measured()


@dataclass(frozen=True)
class PullOne:
    """A call, sync or async, that pulls one message.

    Its processing lasts until the next pull, commit or close by the same task, or, without one, the same thread.
    `reader`, if there is one, gives what reads the message, from the client and the arguments that `takes` names. The
    call is not `timed` where a pull inside of it is.
    """

    target: str
    operation: str = "poll"
    takes: tuple[str, ...] = ()
    reader: Callable[..., Read] | None = None
    timed: bool = True

    def wrap(self, library: Library) -> Wrap:
        """Give what makes the wrapper."""

        def make(original: Function, switch: Switch) -> Function:
            arguments = Arguments(original, self.takes) if self.takes else None

            def pull_one(*args: Any, **kwargs: Any) -> Any:
                pull = self._begin(library, arguments, args, kwargs) if switch.on else None
                if pull is None:
                    return _noted(original(*args, **kwargs))
                with pull:
                    pull.record = original(*args, **kwargs)
                if pull.inner:
                    return _inner(pull)
                per_task.begin(pull, sys._getframe(1))
                return pull.record

            async def pull_one_async(*args: Any, **kwargs: Any) -> Any:
                pull = self._begin(library, arguments, args, kwargs) if switch.on else None
                if pull is None:
                    return _noted(await original(*args, **kwargs))
                with pull:
                    pull.record = await original(*args, **kwargs)
                if pull.inner:
                    return _inner(pull)
                per_task.begin(pull, awaiting(sys._getframe(1)))
                return pull.record

            return pull_one_async if inspect.iscoroutinefunction(original) else pull_one

        return make

    @guarded
    def _begin(
        self, library: Library, arguments: Arguments | None, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Pull | None:
        if not args or idle(library.telemetry, TIMED if self.timed else RECEIVE):
            return None
        pull = Pull(client_of(args[0], library), args[0], self.operation, timed=self.timed)
        if self.reader is not None and arguments is not None:
            with suppress(TypeError):  # the call is wrong, and the library will say so itself
                pull.read = self.reader(args[0], *arguments.read(*args, **kwargs))
        if not pull.inner:
            per_task.over(pull.client)
        return pull
