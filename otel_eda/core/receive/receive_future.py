"""The shape of a pull that returns a future: the process span begins where a task awaits it."""

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
    """A future like the library's own, for what a client has pulled.

    `read` returns the message when the library sets the result; or `source` is the future that the result comes from.
    """

    read: Callable[[], Message | None] | None = None
    source: Future[Any] | None = None
    message: Message | None = None
    receiving: Receiving | None = None

    def set_result(self, result: Any) -> None:
        """Set the result, and read and count the message."""
        self._read_message()
        super().set_result(result)
        self._record_outcome()

    def set_exception(self, exception: Any) -> None:
        """Set the exception, with which the pull has failed."""
        super().set_exception(exception)
        self._record_outcome()

    def __await__(self) -> Generator[Any, None, Any]:
        """Wait for the result, and begin the process span in the frame that awaits it."""
        result = yield from super().__await__()
        self._begin(result, sys._getframe(1))
        return result

    __iter__ = __await__

    def result(self) -> Any:
        """Return the result, and begin the process span if it is the application's task that asks."""
        result, frame = super().result(), sys._getframe(1)
        # Else a callback asks, or `asyncio.gather`, and nobody knows where the message will be processed.
        if tasks.running_task() is not None and not (_is_in_asyncio(frame) and awaiting_frame(frame) is None):
            self._begin(result, frame)
        return result

    def attach_receiving(self, receiving: Receiving) -> None:
        """Attach the pull that this is the future of; the pull may be over by now."""
        self.receiving = receiving
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
        error, receiving, message = tasks.future_error(self), self.receiving, self.message
        if receiving is None:
            return
        if error is not None:
            self.receiving = None
            receiving.end_with_error(error)
        else:
            receiving.read = lambda _: message
            receiving.message()

    @guarded
    def _begin(self, result: Any, frame: FrameType) -> None:
        receiving, message = self.receiving, self.message
        if receiving is not None:
            self.receiving = self.message = None
            per_task.begin_current(
                _ReadMessage(receiving.client, result, message), awaiting_frame(_awaiting_application(frame))
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
    # `asyncio.wait_for` and the like await the future on behalf of the application's frame.
    while frame.f_back is not None and _is_in_asyncio(frame):
        frame = frame.f_back
    return frame


@dataclass(frozen=True)
class ReceiveFuture(ReceiveOne):
    """A call that returns a `MessageFuture`: the process span of its message begins where it is awaited."""

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:
        """Return the call, which attaches the pull to the future that it returns."""
        return around(original, switch, self.beginning(library, original, _FutureReceiving))


class _FutureReceiving(Receiving):
    """A pull whose message comes later."""

    __slots__ = ()

    def returned(self, result: Any) -> Any:
        """Return the future, with the pull attached."""
        self.operation.leave()
        if isinstance(result, MessageFuture):
            result.attach_receiving(self)
        return result
