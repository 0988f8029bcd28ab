"""How the outcome of a send is learnt, where the call's result is not the broker's answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from otel_eda.core.runtime.contexts import live
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.operations import enter

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context

    from otel_eda.core.clients.library import Place
    from otel_eda.core.patching.arguments import Arguments
    from otel_eda.core.patching.patch import Function
    from otel_eda.core.send.sending import Sending

    Report = Callable[[Any, Callable[[Any], None], Callable[[BaseException], None]], object]


class OutcomeSource(Protocol):
    """A way to learn the outcome of a send; `takes` names the arguments of the call that it needs."""

    @property
    def takes(self) -> tuple[str, ...]:
        """The names of the arguments."""

    def places(self) -> tuple[Place, ...]:
        """Return the other places of the library that have to do with it."""

    def prepare(self, original: Function) -> Function:
        """Return the function that sends, or one that does a little more."""

    def ask(self, sending: Sending, arguments: Arguments, taken: tuple[Any, ...]) -> None:
        """Before the call: have the outcome told to us."""

    def learn(self, sending: Sending, result: Any) -> None:
        """After the call: end the send, or have it wait."""


class _OfTheCall:
    """An outcome that is learnt at the call that sends, and nowhere else."""

    def places(self) -> tuple[Place, ...]:
        """Return none."""
        return ()

    def prepare(self, original: Function) -> Function:
        """Return the very function."""
        return original

    def ask(self, sending: Sending, arguments: Arguments, taken: tuple[Any, ...]) -> None:
        """Ask for nothing."""


@dataclass(frozen=True)
class Reported(_OfTheCall):
    """The outcome is that of what the call returns: `report` has it reported to two callbacks."""

    report: Report
    takes: ClassVar[tuple[str, ...]] = ()

    def learn(self, sending: Sending, result: Any) -> None:
        """Have the send wait for it."""
        sending.wait()
        sending.report, sending.answer = self.report, result
        self.report(result, sending.acknowledged, sending.failed)


@dataclass(frozen=True)
class DeliveryCallback(_OfTheCall):
    """The outcome comes to an argument of the call: a function `(error, message)`.

    `takes` are what the argument is called: the first of them that is given, even as None, counts. `failure` makes an
    exception of an error.
    """

    takes: tuple[str, ...]
    failure: Callable[[Any], BaseException]

    def ask(self, sending: Sending, arguments: Arguments, taken: tuple[Any, ...]) -> None:
        """Have the outcome told to us first, then to whom it was to be told."""
        theirs = next((value for value in taken if value is not ...), None)
        theirs = sending.client.identity.callback if theirs is None else theirs
        if theirs is ...:
            return  # the client has a callback that we can't know, and that ours would be in the place of
        sending.awaited = True
        sending.wait()
        report = DeliveryReport(sending, theirs, self.failure)
        sending.args, sending.kwargs = arguments.replace(sending.args, sending.kwargs, self.takes[0], report)

    def learn(self, sending: Sending, result: Any) -> None:
        """End a send whose outcome is told to others alone."""
        if not sending.awaited:
            sending.acknowledged(result)


class Answered(Protocol):
    """What is told of an answer: a send, or one message of several."""

    base: Context
    done: bool

    def acknowledged(self, answer: Any, /) -> None:
        """End as sent."""

    def failed(self, error: BaseException, /) -> None:
        """End as failed."""


class DeliveryReport:
    """What a client calls with the outcome of a send, in the place of the application's callback."""

    __slots__ = ("_failure", "_sending", "_theirs")

    def __init__(self, sending: Answered, theirs: Function | None, failure: Callable[[Any], BaseException]) -> None:
        self._sending = sending
        self._theirs = theirs
        self._failure = failure

    def __call__(self, error: Any, message: Any) -> Any:
        """End the send; then return what the application's callback does, in the context of the call that sent."""
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
