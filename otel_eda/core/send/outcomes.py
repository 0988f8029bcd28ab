"""How the outcome of a send is learnt, where the call's result is not the broker's answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from otel_eda.core.runtime.contexts import skip_ended
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.operations import enter

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context

    from otel_eda.core.clients.library import Place
    from otel_eda.core.patching.arguments import Arguments
    from otel_eda.core.patching.patch import Function
    from otel_eda.core.send.sending import Report, Sending


class OutcomeSource(Protocol):
    """A way to learn the outcome of a send; `takes` names the arguments of the call that it needs."""

    @property
    def takes(self) -> tuple[str, ...]:
        """The names of the arguments."""

    def places(self) -> tuple[Place, ...]:
        """Return the other places of the library that have to do with it."""

    def prepare(self, original: Function) -> Function:
        """Return the function that sends, or one that does a little more."""

    def before_call(self, sending: Sending, arguments: Arguments, taken: tuple[Any, ...]) -> None:
        """Before the call: have the outcome told to us."""

    def after_call(self, sending: Sending, result: Any) -> None:
        """After the call: end the send, or have it wait."""


class _WithoutOtherPlaces:
    """An outcome that is learnt at the call that sends, and nowhere else."""

    def places(self) -> tuple[Place, ...]:
        """Return none."""
        return ()

    def prepare(self, original: Function) -> Function:
        """Return the very function."""
        return original

    def before_call(self, sending: Sending, arguments: Arguments, taken: tuple[Any, ...]) -> None:
        """Ask for nothing."""


@dataclass(frozen=True)
class Reported(_WithoutOtherPlaces):
    """The outcome is that of what the call returns: `report` has it reported to two callbacks."""

    report: Report
    takes: ClassVar[tuple[str, ...]] = ()

    def after_call(self, sending: Sending, result: Any) -> None:
        """Have the send wait for it."""
        sending.keep_open()
        sending.report, sending.pending_answer = self.report, result
        self.report(result, sending.acknowledged, sending.failed)


@dataclass(frozen=True)
class DeliveryCallback(_WithoutOtherPlaces):
    """The outcome comes to an argument of the call: a function `(error, message)`.

    `takes` are what the argument is called: the first of them that is given, even as None, counts. `failure` makes an
    exception of an error.
    """

    takes: tuple[str, ...]
    failure: Callable[[Any], BaseException]

    def before_call(self, sending: Sending, arguments: Arguments, taken: tuple[Any, ...]) -> None:
        """Have the outcome told to us first, then to whom it was to be told."""
        theirs = next((value for value in taken if value is not ...), None)
        theirs = sending.client.identity.callback if theirs is None else theirs
        if theirs is ...:
            return  # the client has a callback that we can't know, and that ours would be in the place of
        sending.outcome_to_callback = True
        sending.keep_open()
        report = DeliveryReport(sending, theirs, self.failure)
        sending.args, sending.kwargs = arguments.replace(sending.args, sending.kwargs, self.takes[0], report)

    def after_call(self, sending: Sending, result: Any) -> None:
        """End a send whose outcome is told to others alone."""
        if not sending.outcome_to_callback:
            sending.acknowledged(result)


class AwaitingReport(Protocol):
    """What is told of an answer: a send, or one message of several."""

    call_context: Context
    done: bool

    def acknowledged(self, answer: Any, /) -> None:
        """End as sent."""

    def failed(self, error: BaseException, /) -> None:
        """End as failed."""


class DeliveryReport:
    """What a client calls with the outcome of a send, in the place of the application's callback."""

    __slots__ = ("_callback", "_failure", "_sending")

    def __init__(
        self, sending: AwaitingReport, theirs: Function | None, failure: Callable[[Any], BaseException]
    ) -> None:
        self._sending = sending
        self._callback = theirs
        self._failure = failure

    def __call__(self, error: Any, message: Any) -> Any:
        """End the send; then return what the application's callback does, in the context of the call that sent."""
        self._end(error, message)
        if self._callback is None:
            return None
        operation = enter(0, skip_ended(self._sending.call_context))
        try:
            return self._callback(error, message)
        finally:
            operation.leave()

    @guarded
    def _end(self, error: Any, message: Any) -> None:
        if error is None:
            self._sending.acknowledged(message)
        else:
            self._sending.failed(self._failure(error))

    def __del__(self) -> None:
        self._end_unreported()

    @guarded
    def _end_unreported(self) -> None:
        # Not called: a client may tell of failures only, or has told the caller that it won't send the message.
        if not self._sending.done:
            self._sending.acknowledged(None)
