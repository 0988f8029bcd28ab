"""Answers to sends that a broker gives by number, or by sending the message back."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opentelemetry.context import get_current
from opentelemetry.trace import Link, SpanKind

from otel_eda import semconv
from otel_eda.core import propagation
from otel_eda.core.clients.attributes import described
from otel_eda.core.clients.in_flight import Answer, Confirms
from otel_eda.core.clients.instances import ATTRIBUTE, client_of
from otel_eda.core.patching.arguments import Arguments
from otel_eda.core.patching.patch import Proxy
from otel_eda.core.runtime.contexts import span_in
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.operations import idle
from otel_eda.core.send.send import Send
from otel_eda.core.telemetry import errors
from otel_eda.core.telemetry.errors import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.trace import SpanContext

    from otel_eda.core.clients.in_flight import OpenSend
    from otel_eda.core.clients.library import Library
    from otel_eda.core.message import Message
    from otel_eda.core.patching.patch import Function, Switch, Wrap
    from otel_eda.core.send.sending import Sending


@dataclass(frozen=True)
class Confirm:
    """A call after which the broker answers each send by its number, to a callback whose arguments `answer` reads."""

    target: str
    callback: str
    answer: Callable[..., Answer]

    def wrap(self, library: Library) -> Wrap:
        """Give what makes the wrapper."""

        def make(original: Function, switch: Switch) -> Function:
            arguments = Arguments(original, (self.callback,))

            def confirm(*args: Any, **kwargs: Any) -> Any:
                if not switch.on:
                    return original(*args, **kwargs)
                args, kwargs = self._watched(library, arguments, args, kwargs) or (args, kwargs)
                result = original(*args, **kwargs)
                self._begin(library, switch, args[0])
                return result

            return confirm

        return make

    @guarded
    def _watched(
        self, library: Library, arguments: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        try:
            (callback,) = arguments.read(*args, **kwargs)
        except TypeError:
            return None  # the call is wrong, and the library will say so itself
        client = client_of(args[0], library)

        @guarded
        def answered(given: tuple[Any, ...]) -> None:
            if client.confirms is not None:
                client.confirms.answered(self.answer(*given))

        def called(function: Function, _: Any, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
            answered(given)
            return function(*given, **named)

        return arguments.replace(args, kwargs, self.callback, Proxy(callback, called)) if callable(callback) else None

    @guarded
    def _begin(self, library: Library, switch: Switch, instance: Any) -> None:
        client = client_of(instance, library)
        if client.confirms is None:
            client.confirms = Confirms(switch)


@dataclass(frozen=True)
class Publish(Send):
    """A call that publishes one message, whose end is its confirmation if the channel has asked for that."""

    def wrap(self, library: Library) -> Wrap:
        """Give what makes the wrapper."""
        make = super().wrap(library)

        def numbered(original: Function, switch: Switch) -> Function:
            @functools.wraps(original)
            def publish(*args: Any, **kwargs: Any) -> Any:
                result = original(*args, **kwargs)
                client = args[0].__dict__.get(ATTRIBUTE)
                if client is not None and client.confirms is not None:
                    client.confirms.number += 1  # the broker counts what we have no span for, too
                return result

            return make(publish, switch)

        return numbered

    @guarded
    def _called(self, sending: Sending, result: Any) -> None:
        confirms = sending.client.confirms
        if confirms is None or not confirms.switch.on:  # switched off meanwhile, nobody counted
            sending.acknowledged(result)
            return
        sending.args, sending.kwargs = (), {}
        sending.client.pending[id(sending)] = confirms.waiting[confirms.number] = sending


@dataclass(frozen=True)
class Return:
    """A function that gets a message which the broker sends back; `returned` reads that, and why in words."""

    target: str
    takes: tuple[str, ...]
    returned: Callable[..., tuple[Message, str]]
    operation: str = "return"

    def wrap(self, library: Library) -> Wrap:
        """Give what makes the wrapper."""

        def make(original: Function, switch: Switch) -> Function:
            arguments = Arguments(original, self.takes)

            def receive(*args: Any, **kwargs: Any) -> Any:
                if switch.on and not idle(library.telemetry):
                    self._note(library, arguments, args, kwargs)
                return original(*args, **kwargs)

            return receive

        return make

    @guarded
    def _note(self, library: Library, arguments: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        message, why = self.returned(*arguments.read(*args, **kwargs))
        client = client_of(args[0], library)
        route = client.route(self.operation, "send", message.destination)
        route.count(client.scope.metrics.returned)
        context, origin = propagation.extract(message.headers)
        if origin is not None and span_in(get_current()).get_span_context().span_id == origin.span_id:
            return  # the call that sends it is still going on, and will tell
        sending = next((one for one in client.pending.values() if _is(one, origin)), None)
        if sending is not None:
            sending.failed(Outcome(semconv.RETURNED, why))
            return
        made, links = described(route.attributes, message), (Link(origin),) if origin else ()
        span = client.scope.tracer.start_span(route.name, context, SpanKind.CLIENT, made, links)
        errors.mark(span, semconv.RETURNED, why)
        span.end()


def _is(sending: OpenSend, origin: SpanContext | None) -> bool:
    return origin is not None and sending.span.get_span_context().span_id == origin.span_id
