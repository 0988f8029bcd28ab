"""The shape of a call that sends one message."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from otel_eda.core import propagation
from otel_eda.core.clients.instances import client_of
from otel_eda.core.patching.arguments import Arguments
from otel_eda.core.patching.around import around
from otel_eda.core.runtime import finalizers
from otel_eda.core.runtime.operations import SEND, enter, passes_through
from otel_eda.core.send.sending import Sending
from otel_eda.core.telemetry import hooks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_eda.core.clients.library import Library, Place
    from otel_eda.core.message import Message
    from otel_eda.core.patching.patch import Function, Switch
    from otel_eda.core.send.outcomes import OutcomeSource


def never_headless(_: Any) -> bool:
    """Return False: no client was told that its broker knows no headers."""
    return False


@dataclass(frozen=True)
class Send:
    """A call, sync or async, that publishes one message.

    `message` reads the message from the client and the arguments that `takes` names, and returns None for a call that
    the library will refuse. `put` returns a copy of the argument that `headers` names with more headers, or None if
    that is impossible; without `put` the adapter itself sends the context that is current during the call. `headless`
    says whether a client was told that its broker knows no headers. `outcome` is how the broker's answer becomes known;
    without it the call's result is the answer. `receipt` returns, for a client, what reads the answer.
    """

    target: str
    takes: tuple[str, ...]
    message: Callable[..., Message | None]
    put: Callable[[Any, Mapping[str, str]], Any] | None
    outcome: OutcomeSource | None
    receipt: Callable[[Any], Callable[[Any], Message | None]]
    headers: str = "headers"
    operation: str = "send"
    headless: Callable[[Any], bool] = never_headless

    def places(self) -> tuple[Place, ...]:
        """Return the call, and the places that its outcome needs."""
        return (self, *(() if self.outcome is None else self.outcome.places()))

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:
        """Return the call with a PRODUCER span that lasts until the broker's answer, and its context in the message."""
        names: tuple[str, ...] = ()
        if self.outcome is not None:
            original, names = self.outcome.prepare(original), self.outcome.takes
        arguments = Arguments(original, (*self.takes, *names), library.signatures)
        place = 0 if self.put is None else self.takes.index(self.headers)
        return around(original, switch, partial(self._begin, library, arguments, place))

    def _begin(
        self, library: Library, arguments: Arguments, place: int, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Sending | None:
        finalizers.take_left() if finalizers.left else None
        taken = None if passes_through(library.telemetry, SEND) else arguments.take(args, kwargs)
        if taken is None:
            return None
        contents = taken[: len(self.takes)]
        message = self.message(args[0], *contents)
        if message is None:
            return None
        client = client_of(args[0], library)
        sending = Sending(self, client, message, contents, args, kwargs)
        called = client.own_hooks or library.hooks
        if called.send is not None:
            hooks.call_send(called, sending.span, arguments.names, (args, kwargs), sending.context)
        if sending.origin is None and self.put is not None and sending.route.injects and not self.headless(args[0]):
            more = propagation.inject(sending.context)
            headers = self.put(taken[place], more) if more else None
            if headers is not None:
                sending.args, sending.kwargs = arguments.replace(args, kwargs, self.headers, headers)
        if self.outcome is not None and self.outcome.before_call is not None:
            self.outcome.before_call(sending, arguments, taken[len(self.takes) :])
        sending.operation = enter(SEND, sending.context)
        return sending
