"""Publisher confirms: the broker answers each send by its number, or sends the message back."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from opentelemetry.trace import SpanKind

from otel_eda import semconv
from otel_eda.core import propagation
from otel_eda.core.clients.attributes import described
from otel_eda.core.clients.in_flight import Confirms
from otel_eda.core.clients.instances import ATTRIBUTE, client_of
from otel_eda.core.clients.library import SinglePlace
from otel_eda.core.patching.arguments import Arguments
from otel_eda.core.patching.around import Call, around
from otel_eda.core.patching.patch import Proxy
from otel_eda.core.runtime.contexts import get_current, span_in
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.operations import passes_through
from otel_eda.core.telemetry import errors
from otel_eda.core.telemetry.errors import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.trace import SpanContext

    from otel_eda.core.clients.client import Client
    from otel_eda.core.clients.in_flight import OpenSend, PublisherConfirm
    from otel_eda.core.clients.library import Library, Place
    from otel_eda.core.message import Message
    from otel_eda.core.patching.patch import Function, Switch
    from otel_eda.core.send.sending import Sending


@dataclass(frozen=True)
class Confirmed:
    """The outcome of a send is the confirm of its number, once the channel has asked for confirms.

    The channel asks by the call `asked_by`; its argument `callback` is called with the confirms, which `confirm` reads.
    """

    asked_by: str
    callback: str
    confirm: Callable[..., PublisherConfirm]
    takes: ClassVar[tuple[str, ...]] = ()
    before_call: ClassVar[None] = None  # the channel has asked for confirms

    def places(self) -> tuple[Place, ...]:
        """Return the call that asks for confirms."""
        return (_ConfirmMode(self.asked_by, self.callback, self.confirm),)

    def prepare(self, original: Function) -> Function:
        """Return the call that sends, which also counts every send as the broker does, with or without a span."""

        @functools.wraps(original)
        def publish(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            client = args[0].__dict__.get(ATTRIBUTE)
            if client is not None and client.confirms is not None:
                client.confirms.number += 1
            return result

        return publish

    def is_answer(self, error: BaseException) -> bool:  # noqa: ARG002
        """Return False: the confirm comes after the call."""
        return False

    def after_call(self, sending: Sending, result: Any) -> None:
        """Keep the send open until its number is confirmed; end it if the channel has not asked for confirms."""
        confirms = sending.client.confirms
        if confirms is None or not confirms.switch.on:  # without the switch nobody has counted
            sending.acknowledged(result)
        else:
            sending.keep_open()
            confirms.waiting[confirms.number] = sending


@dataclass(frozen=True)
class _ConfirmMode(SinglePlace):
    """A call after which the broker confirms each send by its number, to a callback."""

    target: str
    callback: str
    confirm: Callable[..., PublisherConfirm]

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:
        """Return the call, whose callback ends sends before the application's own runs."""
        return around(original, switch, partial(self._begin, library, Arguments(original, (self.callback,)), switch))

    def _begin(
        self, library: Library, arguments: Arguments, switch: Switch, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> _ConfirmModeCall | None:
        taken = arguments.take(args, kwargs)
        if taken is None:
            return None
        client = client_of(args[0], library)
        if callable(taken[0]):
            args, kwargs = arguments.replace(args, kwargs, self.callback, self._proxy(client, taken[0]))
        return _ConfirmModeCall(args, kwargs, client, switch)

    def _proxy(self, client: Client, callback: Function) -> Proxy:
        @guarded
        def record(args: tuple[Any, ...]) -> None:
            if client.confirms is not None:
                client.confirms.answered(self.confirm(*args))

        def traced_callback(function: Function, _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            record(args)
            return function(*args, **kwargs)

        return Proxy(callback, traced_callback)


class _ConfirmModeCall(Call):
    """One call that asks for confirms; the channel counts its sends once it has returned."""

    __slots__ = ("client", "switch")

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any], client: Client, switch: Switch) -> None:
        super().__init__(args, kwargs)
        self.client = client
        self.switch = switch

    def returned(self, result: Any) -> Any:
        """Return the result; from now on the client counts sends and waits for their confirms."""
        if self.client.confirms is None:
            self.client.confirms = Confirms(self.switch)
        return result


@dataclass(frozen=True)
class Returned(SinglePlace):
    """A function that is called with a message that the broker sends back.

    `returned` reads the message and the reason in words, None if it has arrived all the same.
    """

    target: str
    takes: tuple[str, ...]
    returned: Callable[..., tuple[Message, str] | None]
    operation: str = "return"

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:
        """Return the function, which first fails the send of the message."""
        return around(original, switch, partial(self._handle, library, Arguments(original, self.takes)))

    def _handle(self, library: Library, arguments: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        taken = None if passes_through(library.telemetry) else arguments.take(args, kwargs)
        read = None if taken is None else self.returned(*taken)
        if read is None:
            return
        message, reason = read
        client = client_of(args[0], library)
        route = client.route(self.operation, "send", message.destination)
        route.count(client.scope.metrics.returned)
        context, origin = propagation.extract(message.headers)
        if origin is not None and span_in(get_current()).get_span_context().span_id == origin.span_id:
            return  # the call that sends it is in progress, and will raise
        sending = next((pending for pending in list(client.pending_sends.values()) if _carries(pending, origin)), None)
        if sending is not None:
            sending.failed(Outcome(semconv.RETURNED, reason))
            return
        about = described, (route, message, origin)
        span = client.scope.start_like(route.template, context, SpanKind.CLIENT, None, about)
        errors.mark(span, semconv.RETURNED, reason)
        span.end()


def _carries(sending: OpenSend, origin: SpanContext | None) -> bool:
    return origin is not None and sending.span.get_span_context().span_id == origin.span_id
