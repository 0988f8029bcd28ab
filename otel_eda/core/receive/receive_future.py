"""Pulls that give a future: the turn of its message begins where a task awaits it."""

from __future__ import annotations

import sys
from asyncio import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_eda.core.patching.around import around
from otel_eda.core.process import per_task
from otel_eda.core.receive.receive_one import ReceiveOne, awaiting_frame
from otel_eda.core.receive.receiving import Receiving
from otel_eda.core.runtime import tasks
from otel_eda.core.runtime.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import FrameType

    from otel_eda.core.clients.client import Client
    from otel_eda.core.clients.library import Library
    from otel_eda.core.message import Message
    from otel_eda.core.patching.patch import Function, Switch


class MessageFuture(Future[Any]):
    """A future as the library makes them, for what a client has pulled.

    `read` reads the message when the library hands it over; or `source` is the future that it comes from.
    """

    read: Callable[[], Message | None] | None = None
    source: Future[Any] | None = None
    message: Message | None = None
    receiving: Receiving | None = None

    def set_result(self, result: Any) -> None:
        """Have the message read and counted."""
        self._read_message()
        super().set_result(result)
        self._record_outcome()

    def set_exception(self, exception: Any) -> None:
        """Note that the pull failed."""
        super().set_exception(exception)
        self._record_outcome()

    def __await__(self) -> Generator[Any, None, Any]:
        """Begin the turn when there is a result."""
        result = yield from super().__await__()
        self._begin(result, sys._getframe(1))
        return result

    __iter__ = __await__

    def result(self) -> Any:
        """Begin the turn when a task asks for the result."""
        result, frame = super().result(), sys._getframe(1)
        # Else a callback asks, or `asyncio.gather`: what will be done with it cannot be told.
        if tasks.running_task() is not None and not (_is_in_asyncio(frame) and awaiting_frame(frame) is None):
            self._begin(result, frame)
        return result

    def attach_receiving(self, pull: Receiving) -> None:
        """Note for which pull this is, which may have come to its end by now."""
        self.receiving = pull
        if self.done():
            self._record_outcome()

    @guarded
    def _read_message(self) -> None:
        read, source = self.read, self.source
        self.read = self.source = None
        if read is not None:
            self.message = read()
        elif isinstance(source, MessageFuture):
            self.message = source.message

    @guarded
    def _record_outcome(self) -> None:
        error, pull, found = tasks.future_error(self), self.receiving, self.message
        if pull is None:
            return
        if error is not None:
            self.receiving = None
            pull.end_with_error(error)
        else:
            pull.read = lambda _: found
            pull.message()

    @guarded
    def _begin(self, result: Any, frame: FrameType) -> None:
        pull, found = self.receiving, self.message
        if pull is not None:
            self.receiving = self.message = None
            per_task.begin_current(
                _ReadMessage(pull.client, result, found), awaiting_frame(_awaiting_application(frame))
            )


@dataclass
class _ReadMessage:
    """A pulled message that was read and counted before."""

    client: Client
    record: Any
    found: Message | None

    def message(self) -> Message | None:
        return self.found


MessageFuture.__name__ = MessageFuture.__qualname__ = Future.__qualname__


MessageFuture.__module__ = Future.__module__


def _is_in_asyncio(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).partition(".")[0] == "asyncio"


def _awaiting_application(frame: FrameType) -> FrameType:
    # `asyncio.wait_for` and its like await for somebody.
    while frame.f_back is not None and _is_in_asyncio(frame):
        frame = frame.f_back
    return frame


@dataclass(frozen=True)
class ReceiveFuture(ReceiveOne):
    """A call that gives a `MessageFuture`: the processing of its message begins where it is awaited."""

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:
        """Return the call, whose future knows the pull."""
        return around(original, switch, self.beginning(library, original, _FutureReceiving))


class _FutureReceiving(Receiving):
    """A pull whose message comes later."""

    __slots__ = ()

    def returned(self, result: Any) -> Any:
        """Return the future, which is told of its pull."""
        if isinstance(result, MessageFuture):
            result.attach_receiving(self)
        return result
