"""Sends: a span from the call to the broker's answer, its context in the message."""

from __future__ import annotations

import inspect
import time
from asyncio import Future
from dataclasses import dataclass
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Protocol

from opentelemetry.trace import Link, SpanKind

from otel_eda.config import config

from . import errors, keys, propagation, turns
from .busy import SEND, enter, idle
from .client import client_of
from .contexts import current, live, with_span
from .guard import guarded
from .patching import Arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from types import TracebackType

    from opentelemetry.context import Context
    from opentelemetry.trace import Span, SpanContext

    from .busy import Operation
    from .client import Client, Route
    from .library import Library
    from .message import Message
    from .patching import Function, Switch, Wrap
    from .telemetry import Scope


class Sending:
    """One message between the call that sends it and the broker's answer."""

    __slots__ = (
        "answer",
        "args",
        "awaited",
        "base",
        "client",
        "context",
        "done",
        "kwargs",
        "number",
        "operation",
        "partition",
        "receipt",
        "report",
        "route",
        "scope",
        "span",
        "start",
    )

    client: Client
    route: Route
    scope: Scope
    span: Span
    base: Context
    context: Context
    start: int
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    number: int
    operation: Operation
    partition: str | None
    receipt: Callable[[Any], Message | None]
    report: Callable[[Any, Callable[[Any], None], Callable[[BaseException], None]], object]
    answer: Any
    awaited: bool
    done: bool

    def __enter__(self) -> None:
        self.operation = enter(SEND, self.context)

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        self.operation.leave()
        del self.operation  # what it holds is not to be kept until the broker answers
        if error is not None:
            self.failed(error)

    @guarded
    def acknowledged(self, answer: Any) -> None:
        """End with what the broker answered."""
        if self.span.is_recording() or config().partition_metrics:
            message = self.receipt(answer)
            if message is not None:
                self.span.set_attributes(self._learnt(message))
        self._end(None)

    def _learnt(self, message: Message) -> dict[str, Any]:
        attributes: dict[str, Any] = {}
        if message.partition is not None:
            self.partition = attributes[keys.PARTITION] = message.partition
        if message.offset is not None:
            attributes[keys.OFFSET] = message.offset
        if message.timestamp is not None:
            attributes[keys.MESSAGE_TIMESTAMP] = message.timestamp
        if message.tombstone:
            attributes[keys.TOMBSTONE] = True
        if message.attributes is not None:
            attributes.update(message.attributes)
        return attributes

    @guarded
    def failed(self, error: BaseException) -> None:
        """End with why the message was not sent."""
        self._end(error)

    def abandoned(self, error: BaseException) -> None:
        """End with why nobody waits for the answer any more, unless it is there."""
        if isinstance(self.answer, Future) and self.answer.done():  # its callbacks wait for the loop
            self.report(self.answer, self.acknowledged, self.failed)
        self.failed(error)

    def _end(self, error: BaseException | None) -> None:
        if self.done:
            return
        self.done = True
        self.args, self.kwargs, self.answer = (), {}, None
        self.client.pending.pop(id(self), None)
        end = time.time_ns()
        kind = None if error is None else errors.record(self.span, error, "send", self.context)
        self.span.end(end)
        route, metrics = self.route, self.scope.metrics
        metrics.operation_duration.record(max(end - self.start, 0) / 1e9, route.measures(self.partition, kind))
        route.count(metrics.sent, self.partition, kind, self.number)


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
            names = self.report.names if isinstance(self.report, Callback) else ()
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
        if idle(library, SEND):
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
        sending.client = client_of(args[0], library)
        sending.scope = sending.client.scope
        sending.route = sending.client.route(self.operation, "send", message.destination)
        sending.number = message.number
        sending.partition, sending.receipt = message.partition, self.receipt(args[0])
        origin = self._span(sending, message)
        if origin is None and self.put is not None:
            headers = self.put(taken[self.takes.index(self.headers)], propagation.inject(sending.context))
            if headers is not None:
                sending.args, sending.kwargs = arguments.replace(args, kwargs, self.headers, headers)
        if isinstance(self.report, Callback):
            self.report.ask(sending, arguments, taken[len(self.takes) :])
        return sending

    @staticmethod
    def _span(sending: Sending, message: Message) -> SpanContext | None:
        sending.base, route = current(), sending.route
        origin = propagation.carried(message.headers)
        made = (origin,) if origin else message.origins
        sending.span = sending.scope.tracer.start_span(
            route.name,
            sending.base,
            SpanKind.CLIENT if made else route.kind,
            turns.attributes(route, message),
            [Link(one) for one in made] if made else (),
            sending.start,
        )
        sending.context = with_span(sending.base, sending.span)
        return origin

    @guarded
    def _called(self, sending: Sending, result: Any) -> None:
        sending.args, sending.kwargs = (), {}  # the payload is not ours to keep until the broker answers
        if self.report is None or (isinstance(self.report, Callback) and not sending.awaited):
            sending.acknowledged(result)
        if self.report is None or isinstance(self.report, Callback):
            return
        sending.client.pending[id(sending)] = sending
        sending.report, sending.answer = self.report, result
        self.report(result, sending.acknowledged, sending.failed)
