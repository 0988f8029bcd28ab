"""Event emitters: a span for an event's dispatch, and under it one for each of its receivers.

Nothing that an emitter keeps is replaced: receivers are seen when they are run, so they stay the application's own
functions, which it can compare, drop and disconnect.
"""

from __future__ import annotations

import operator
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import INVALID_SPAN, SpanKind

from otel_eda import semconv
from otel_eda.core.clients.library import SinglePlace
from otel_eda.core.inprocess.dispatched import DispatchedEvent, dispatching, type_name
from otel_eda.core.inprocess.handler_call import HandlerCall, failed_in
from otel_eda.core.inprocess.handlers import is_explicit, unhandled
from otel_eda.core.patching.arguments import Arguments
from otel_eda.core.patching.around import Call, around
from otel_eda.core.runtime.contexts import current_context, with_span
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.names import function_name
from otel_eda.core.runtime.operations import passes_through
from otel_eda.core.telemetry import errors
from otel_eda.core.telemetry.errors import ENDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextvars import Token

    from opentelemetry.trace import Span

    from otel_eda.core.clients.library import Library
    from otel_eda.core.patching.patch import Function, Switch
    from otel_eda.core.telemetry.providers import Scope


@dataclass(slots=True)
class Event:
    """An event as an adapter reads it: `queued` if receivers run later, `optional` if there need not be any.

    The `cause` of an event that tells of a failure is the exception; its parent is the handler that failed.
    """

    type: object
    queued: bool = False
    optional: bool = False
    cause: BaseException | None = None


class EmittedEvent(DispatchedEvent):
    """An event that an emitter dispatches; its span begins with the first receiver."""

    __slots__ = (
        "asked",
        "base",
        "call",
        "emitter",
        "operation",
        "optional",
        "queued",
        "scope",
        "span",
        "start",
        "token",
    )

    token: Token[DispatchedEvent | None]

    def __init__(self, emitter: Any, event: Event, operation: str, scope: Scope) -> None:
        super().__init__(type_name(event.type))
        self.emitter = emitter
        self.queued, self.optional = event.queued, event.optional
        self.operation = operation
        self.scope = scope
        self.base = (event.cause and failed_in(event.cause)) or current_context()
        self.span: Span = INVALID_SPAN
        self.start = time.time_ns()
        self.asked = False
        self.call: HandlerCall | None = None

    @guarded
    def call_of(self, receiver: Any) -> HandlerCall | None:
        """Return the call of a receiver, or None for a handler, which makes its span itself."""
        if not self.handled:
            self.handled = True
            self._open()
        if is_explicit(receiver):
            return None
        kind = SpanKind.CONSUMER if self.queued else SpanKind.INTERNAL
        return HandlerCall(self.scope, self.type, function_name(receiver), self.context, kind)

    def _open(self) -> None:
        kind = SpanKind.PRODUCER if self.queued else SpanKind.INTERNAL
        name, attributes = f"{self.operation} {self.type}", {semconv.EVENT_TYPE: self.type}
        self.span = self.scope.tracer.start_span(name, self.base, kind, attributes, (), self.start)
        self.context = with_span(self.base, self.span)

    def processing(self, receiver: Any) -> None:
        """Begin the call of a receiver."""
        self.call = self.call_of(receiver)
        if self.call is not None:
            self.call.enter()

    def over(self, error: BaseException | None = None) -> None:
        """End the call of a receiver."""
        call, self.call = self.call, None
        if call is not None:
            call.leave(error)

    @guarded
    def end(self, result: object, error: BaseException | None = None) -> None:
        """End the dispatch: record an event that no receiver got, and end the span."""
        self.over(error)
        abandoned = isinstance(error, GeneratorExit)
        if not abandoned:  # a coroutine is closed by whoever happens to find it abandoned
            dispatching.reset(self.token)
        if not (self.handled or result or error or self.optional):
            unhandled(self.scope, self.type)
        if self.span is INVALID_SPAN:
            return
        if isinstance(error, ENDS):
            errors.mark_ended(self.span, error)
        elif error is not None:
            errors.mark(self.span, errors.error_type(error), errors.message(error))
        self.span.end()


@dataclass(frozen=True)
class Dispatch(SinglePlace):
    """A call, sync or async, that dispatches an event; its result is true if there are receivers.

    `event` reads the event from the emitter and the arguments that `takes` names.
    """

    target: str
    takes: tuple[str, ...]
    event: Callable[..., Event]
    operation: str

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:
        """Return the call with a span around it, whose children are the receivers' spans."""
        return around(original, switch, partial(self._begin, library, Arguments(original, self.takes)))

    def _begin(
        self, library: Library, arguments: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> _EmitterDispatch | None:
        taken = None if passes_through(library.telemetry) else arguments.take(args, kwargs)
        scope = library.telemetry.scope
        if taken is None or scope is None:
            return None
        return _EmitterDispatch(args, kwargs, EmittedEvent(args[0], self.event(args[0], *taken), self.operation, scope))


class _EmitterDispatch(Call):
    """One call that dispatches an event."""

    __slots__ = ("event",)

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any], event: EmittedEvent) -> None:
        super().__init__(args, kwargs)
        self.event = event
        event.token = dispatching.set(event)

    def raised(self, error: BaseException) -> None:
        """End the dispatch with the exception that has left it."""
        self.event.end(None, error)

    def returned(self, result: Any) -> Any:
        """End the dispatch, and return the result."""
        self.event.end(result)
        return result


def _dispatched(args: tuple[Any, ...]) -> EmittedEvent | None:
    # What an emitter does with an event of another's, or without any, is none of this dispatch.
    found = dispatching.get()
    return found if isinstance(found, EmittedEvent) and args and args[0] is found.emitter else None


@dataclass(frozen=True)
class Receivers(SinglePlace):
    """A generator of receivers; the dispatch takes each one and runs it before it takes the next."""

    target: str

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:  # noqa: ARG002
        """Return the generator, which has a span open while the dispatch runs a receiver."""

        def receivers(*args: Any, **kwargs: Any) -> Iterator[Any]:
            found = _dispatched(args) if switch.on else None
            if found is None or found.asked:
                yield from original(*args, **kwargs)  # it is the application that asks
                return
            found.asked = True
            for receiver in original(*args, **kwargs):
                found.processing(receiver)
                yield receiver
                found.over()

        return receivers


class _Running:
    """A stand-in for a receiver while it runs; whoever inspects or pickles it gets the receiver."""

    __slots__ = ("_call", "_receiver")

    def __init__(self, receiver: Any, call: HandlerCall) -> None:
        self._receiver = receiver
        self._call = call

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._call.of(self._receiver, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._receiver, name)

    def __reduce__(self) -> tuple[Any, ...]:
        return operator.itemgetter(0), ((self._receiver,),)  # another process may have no otel-eda


@dataclass(frozen=True)
class Run(SinglePlace):
    """A call by which an emitter runs one receiver, at once, in a task or in a thread.

    `receiver` names the argument; `own` gives the application's function for what is registered in its stead.
    """

    target: str
    receiver: str
    own: Callable[[Any], Any]

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:  # noqa: ARG002
        """Return the call, which runs a stand-in for the receiver that has a span."""
        return around(original, switch, partial(self._begin, Arguments(original, (self.receiver,))))

    def _begin(self, arguments: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        event = _dispatched(args)
        taken = None if event is None else arguments.take(args, kwargs)
        if event is None or taken is None or isinstance(taken[0], _Running):
            return None
        call = event.call_of(self.own(taken[0]))
        if call is None:
            return None
        return Call(*arguments.replace(args, kwargs, self.receiver, _Running(taken[0], call)))
