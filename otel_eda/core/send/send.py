"""Calls that send: a span to the broker's answer, its context in the message."""

from __future__ import annotations

import inspect
import time
from dataclasses import dataclass
from functools import cached_property
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import Link, SpanKind

from otel_eda.core import propagation
from otel_eda.core.clients.attributes import described
from otel_eda.core.clients.instances import client_of
from otel_eda.core.patching.arguments import Arguments
from otel_eda.core.runtime.contexts import current, with_span
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.operations import SEND, idle
from otel_eda.core.send.callbacks import Callback
from otel_eda.core.send.sending import Sending

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from opentelemetry.trace import SpanContext

    from otel_eda.core.clients.library import Library
    from otel_eda.core.message import Message
    from otel_eda.core.patching.patch import Function, Switch, Wrap


@dataclass(frozen=True)
class Send:
    """A call, sync or async, that publishes one message.

    `message` reads it from the client and the arguments that `takes` names; `put` gives a copy of the argument that
    `headers` names with more headers, None if that can't be; `report` has the delivery's outcome reported to two
    callbacks, of which the first gets what a client's `receipt` reads, or is a `Callback`; without it the call's result
    is the answer. Without `put` the adapter itself sends the context that is current during the call.
    """

    target: str
    takes: tuple[str, ...]
    message: Callable[..., Message | None]
    put: Callable[[Any, Mapping[str, str]], Any] | None
    report: Callable[[Any, Callable[[Any], None], Callable[[BaseException], None]], object] | Callback | None
    receipt: Callable[[Any], Callable[[Any], Message | None]]
    headers: str = "headers"
    operation: str = "send"

    def wrap(self, library: Library) -> Wrap:
        """Give what makes the wrapper."""

        def make(original: Function, switch: Switch) -> Function:
            names = self._callback.names if self._callback is not None else ()
            arguments = Arguments(original, (*self.takes, *names), library.signatures)

            def send(*args: Any, **kwargs: Any) -> Any:
                sending = self._start(library, arguments, args, kwargs) if switch.on else None
                if sending is None:
                    return original(*args, **kwargs)
                with sending:
                    result = original(*sending.args, **sending.kwargs)
                if type(result) is CoroutineType:
                    return self._awaited(sending, result)
                self._called(sending, result)
                return result

            async def send_async(*args: Any, **kwargs: Any) -> Any:
                sending = self._start(library, arguments, args, kwargs) if switch.on else None
                if sending is None:
                    return await original(*args, **kwargs)
                with sending:
                    result = await original(*sending.args, **sending.kwargs)
                self._called(sending, result)
                return result

            return send_async if inspect.iscoroutinefunction(original) else send

        return make

    @cached_property
    def _callback(self) -> Callback | None:
        return self.report if isinstance(self.report, Callback) else None

    @cached_property
    def _place(self) -> int:
        return self.takes.index(self.headers)

    async def _awaited(self, sending: Sending, coroutine: Coroutine[Any, Any, Any]) -> Any:
        # Somebody else's wrapper, which is no coroutine function, stands before one.
        with sending:
            result = await coroutine
        self._called(sending, result)
        return result

    @guarded
    def _start(
        self, library: Library, arguments: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Sending | None:
        if idle(library.telemetry, SEND):
            return None
        try:
            taken = arguments.read(*args, **kwargs)
        except TypeError:
            return None  # the call is wrong, and the library will say so itself
        message = self.message(args[0], *taken[: len(self.takes)])
        if message is None:
            return None
        sending = Sending()
        sending.start = time.time_ns()
        sending.args, sending.kwargs, sending.awaited, sending.done = args, kwargs, False, False
        sending.answer = None
        sending.client = client = client_of(args[0], library)
        sending.route = client.route(self.operation, "send", message.destination)
        sending.number, sending.partition = message.number, message.partition
        sending.receipt = self.receipt(args[0])
        origin = self._span(sending, message)
        if origin is None and self.put is not None:
            headers = self.put(taken[self._place], propagation.inject(sending.context))
            if headers is not None:
                sending.args, sending.kwargs = arguments.replace(args, kwargs, self.headers, headers)
        if self._callback is not None:
            self._callback.ask(sending, arguments, taken[len(self.takes) :])
        return sending

    @staticmethod
    def _span(sending: Sending, message: Message) -> SpanContext | None:
        sending.base, route = current(), sending.route
        origin = propagation.carried(message.headers)
        made = (origin,) if origin else message.origins
        sending.span = route.scope.tracer.start_span(
            route.name,
            sending.base,
            SpanKind.CLIENT if made else route.kind,
            described(route.attributes, message),
            [Link(one) for one in made] if made else (),
            sending.start,
        )
        sending.context = with_span(sending.base, sending.span)
        return origin

    @guarded
    def _called(self, sending: Sending, result: Any) -> None:
        sending.args, sending.kwargs = (), {}  # the payload is not ours to keep until the broker answers
        if self.report is None or isinstance(self.report, Callback):
            if not sending.awaited:
                sending.acknowledged(result)
            return
        sending.client.pending[id(sending)] = sending
        sending.report, sending.answer = self.report, result
        self.report(result, sending.acknowledged, sending.failed)
