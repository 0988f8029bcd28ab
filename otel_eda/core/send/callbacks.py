"""The outcome of a send that comes through a callback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from otel_eda.core.runtime.contexts import live
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.operations import enter

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context

    from otel_eda.core.patching.arguments import Arguments
    from otel_eda.core.patching.patch import Function
    from otel_eda.core.send.sending import Sending


class Callback:
    """The outcome of a send comes through an argument of the call: a function `(error, message)`.

    `names` are what the argument is called: the first of them that is given, even as None, counts. `failure` makes an
    exception of an error.
    """

    def __init__(self, names: tuple[str, ...], failure: Callable[[Any], BaseException]) -> None:
        self.names = names
        self.failure = failure

    def ask(self, sending: Sending, arguments: Arguments, given: tuple[Any, ...]) -> None:
        """Have the outcome told to us first, then to whom it was to be told."""
        theirs = next((value for value in given if value is not ...), None)
        theirs = sending.client.identity.callback if theirs is None else theirs
        if theirs is ...:
            return  # the client has a callback that we can't know, and that ours would be in the place of
        sending.awaited = True
        sending.client.pending[id(sending)] = sending
        answer = Answer(sending, theirs, self.failure)
        sending.args, sending.kwargs = arguments.replace(sending.args, sending.kwargs, self.names[0], answer)


class Answered(Protocol):
    """What is told of an answer: a send, or one message of several."""

    base: Context
    done: bool

    def acknowledged(self, answer: Any, /) -> None:
        """End as sent."""

    def failed(self, error: BaseException, /) -> None:
        """End as failed."""


class Answer:
    """What a client calls with the outcome of a send, in the place of the application's callback."""

    __slots__ = ("_failure", "_sending", "_theirs")

    def __init__(self, sending: Answered, theirs: Function | None, failure: Callable[[Any], BaseException]) -> None:
        self._sending = sending
        self._theirs = theirs
        self._failure = failure

    def __call__(self, error: Any, message: Any) -> Any:
        """End the send; then give what the application's callback gives, in the context of the call that sent."""
        self._end(error, message)
        if self._theirs is None:
            return None
        operation = enter(0, live(self._sending.base))
        try:
            return self._theirs(error, message)
        finally:
            operation.leave()

    @guarded
    def _end(self, error: Any, message: Any) -> None:
        if error is None:
            self._sending.acknowledged(message)
        else:
            self._sending.failed(self._failure(error))

    def __del__(self) -> None:
        self._dropped()

    @guarded
    def _dropped(self) -> None:
        # Not called: a client may tell of failures only, or has told the caller that it won't send the message.
        if not self._sending.done:
            self._sending.acknowledged(None)
