"""The ways in which the outcome of a send becomes known, where the call's result is not the broker's answer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from otel_eda.core.runtime import finalizers
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

    BeforeCall = Callable[[Sending, Arguments, tuple[Any, ...]], None]


class OutcomeSource(Protocol):
    """A way in which the outcome of a send becomes known; `takes` names the arguments of the call that it needs."""

    @property
    def takes(self) -> tuple[str, ...]:
        """The names of the arguments."""

    def places(self) -> tuple[Place, ...]:
        """Return the other places of the library that it needs."""

    def prepare(self, original: Function) -> Function:
        """Return the function that sends, or one that also keeps count."""

    @property
    def before_call(self) -> BeforeCall | None:
        """What changes the call's arguments so that the outcome comes to the send, None where it comes anyway."""

    def after_call(self, sending: Sending, result: Any) -> None:
        """End the send with the call's result, or keep it open for the answer."""

    def is_answer(self, error: BaseException) -> bool:
        """Return whether an exception of the call is the broker's answer."""


class _WithoutOtherPlaces:
    """An outcome that needs no place but the call that sends."""

    def places(self) -> tuple[Place, ...]:
        """Return no place."""
        return ()

    def prepare(self, original: Function) -> Function:
        """Return the function itself."""
        return original

    def is_answer(self, error: BaseException) -> bool:  # noqa: ARG002
        """Return False: the answer comes after the call."""
        return False


@dataclass(frozen=True)
class Reported(_WithoutOtherPlaces):
    """The outcome is that of the object that the call returns: `report` calls one of two callbacks with it.

    If the call itself waits for the broker, `raised` says whether an exception of it is the broker's answer.
    """

    report: Report
    raised: Callable[[BaseException], bool] | None = None
    takes: ClassVar[tuple[str, ...]] = ()
    before_call: ClassVar[None] = None

    def after_call(self, sending: Sending, result: Any) -> None:
        """Keep the send open until the object reports the outcome."""
        sending.report, sending.pending_answer = self.report, result
        sending.keep_open()
        self.report(result, sending, sending)

    def is_answer(self, error: BaseException) -> bool:
        """Return whether an exception of the call is the broker's answer."""
        return self.raised is not None and self.raised(error)


@dataclass(frozen=True)
class DeliveryCallback(_WithoutOtherPlaces):
    """The outcome comes to an argument of the call, a function `(error, message)`.

    `takes` are the names of that argument; the first one that the call gives, even as None, counts. `failure` makes an
    exception of an error.
    """

    takes: tuple[str, ...]
    failure: Callable[[Any], BaseException]

    def before_call(self, sending: Sending, arguments: Arguments, taken: tuple[Any, ...]) -> None:
        """Put a callback of ours into the call, which then calls the application's."""
        callback = next((value for value in taken if value is not ...), None)
        callback = sending.client.identity.callback if callback is None else callback
        if callback is ...:
            return  # the client has a callback that is not known, and that ours would replace
        sending.outcome_to_callback = True
        sending.keep_open()
        report = DeliveryReport(sending, callback, self.failure)
        sending.args, sending.kwargs = arguments.replace(sending.args, sending.kwargs, self.takes[0], report)

    def after_call(self, sending: Sending, result: Any) -> None:
        """End a send whose outcome comes only to a callback of the application's."""
        if not sending.outcome_to_callback:
            sending.acknowledged(result)


class AwaitingReport(Protocol):
    """What a delivery report is about: a send, or one message of a batch."""

    call_context: Context
    done: bool

    def acknowledged(self, answer: Any, /) -> None:
        """End it as sent."""

    def failed(self, error: BaseException, /) -> None:
        """End it as failed."""


class DeliveryReport:
    """The callback that a client calls with the outcome of a send, in place of the application's."""

    __slots__ = ("_callback", "_failure", "_sending")

    def __init__(
        self, sending: AwaitingReport, callback: Function | None, failure: Callable[[Any], BaseException]
    ) -> None:
        self._sending = sending
        self._callback = callback
        self._failure = failure

    def __call__(self, error: Any, message: Any) -> Any:
        """End the send, then call the application's callback and return its result.

        The callback runs in the context of the call that sent.
        """
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
        # Never called: the client reports failures only, or has already raised an error at the call.
        if not self._sending.done:
            finalizers.take(partial(self._sending.acknowledged, None))
