"""Event emitters: a span for an event's dispatch, and under it one for each of its receivers.

Nothing that an emitter keeps is replaced: receivers are seen when they are run, so they stay the application's own
functions, which it can compare, drop and disconnect.
"""

from __future__ import annotations

import inspect
import operator
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import INVALID_SPAN, SpanKind

from otel_eda import semconv
from otel_eda.core.inprocess import handlers
from otel_eda.core.inprocess.handlers import Call, Handler, dispatching, failed_in, type_name, unhandled
from otel_eda.core.patching.arguments import Arguments
from otel_eda.core.runtime.contexts import current, with_span
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.operations import idle
from otel_eda.core.telemetry import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextvars import Token

    from opentelemetry.trace import Span

    from otel_eda.core.clients.library import Library
    from otel_eda.core.patching.patch import Function, Switch, Wrap
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


class _Dispatched(handlers.Event):
    """An event in an emitter's hands: its span begins with the first receiver."""

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

    token: Token[handlers.Event | None]

    def __init__(self, emitter: Any, event: Event, operation: str, scope: Scope) -> None:
        super().__init__(type_name(event.type))
        self.emitter = emitter
        self.queued, self.optional = event.queued, event.optional
        self.operation = operation
        self.scope = scope
        self.base = (event.cause and failed_in(event.cause)) or current()
        self.span: Span = INVALID_SPAN
        self.start = time.time_ns()
        self.asked = False
        self.call: Call | None = None

    @guarded
    def call_of(self, receiver: Any) -> Call | None:
        """Note that there is a receiver; give its call, None if it makes its span by itself."""
        if not self.handled:
            self.handled = True
            self._open()
        if isinstance(receiver, Handler):
            return None
        kind = SpanKind.CONSUMER if self.queued else SpanKind.INTERNAL
        return Call(self.scope, self.type, receiver, self.context, kind)

    def _open(self) -> None:
        kind = SpanKind.PRODUCER if self.queued else SpanKind.INTERNAL
        name, attributes = f"{self.operation} {self.type}", {semconv.EVENT_TYPE: self.type}
        self.span = self.scope.tracer.start_span(name, self.base, kind, attributes, (), self.start)
        self.context = with_span(self.base, self.span)

    def turn(self, receiver: Any) -> None:
        """Begin with a receiver."""
        self.call = self.call_of(receiver)
        if self.call is not None:
            self.call.enter()

    def over(self, error: BaseException | None = None) -> None:
        """Be done with a receiver."""
        call, self.call = self.call, None
        if call is not None:
            call.leave(error)

    @guarded
    def end(self, result: object, error: BaseException | None = None) -> None:
        """Be done with the event."""
        self.over(error)
        abandoned = isinstance(error, GeneratorExit)
        if not abandoned:  # a coroutine is closed by whoever happens to find it abandoned
            dispatching.reset(self.token)
        if not (self.handled or result or error or self.optional):
            unhandled(self.scope, self.type)
        if self.span is INVALID_SPAN:
            return
        if abandoned:
            self.span.set_attribute(semconv.ABANDONED, True)
        elif error is not None:
            errors.mark(self.span, errors.error_type(error), errors.message(error))
        self.span.end()


@dataclass(frozen=True)
class Dispatch:
    """A call that dispatches an event; what it returns is true if there are receivers.

    `event` reads it from the emitter and the arguments that `takes` names.
    """

    target: str
    takes: tuple[str, ...]
    event: Callable[..., Event]
    operation: str

    def wrap(self, library: Library) -> Wrap:
        """Give what makes the wrapper."""

        def make(original: Function, switch: Switch) -> Function:
            arguments = Arguments(original, self.takes)

            def begin(args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Dispatched | None:
                return (
                    self._begin(library, arguments, args, kwargs) if switch.on and not idle(library.telemetry) else None
                )

            return (_later if inspect.iscoroutinefunction(original) else _now)(original, begin)

        return make

    @guarded
    def _begin(
        self, library: Library, arguments: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> _Dispatched | None:
        scope = library.telemetry.scope
        try:
            taken = arguments.read(*args, **kwargs)
        except TypeError:
            return None  # the call is wrong, and the library will say so itself
        if scope is None:
            return None
        found = _Dispatched(args[0], self.event(args[0], *taken), self.operation, scope)
        found.token = dispatching.set(found)
        return found


def _now(original: Function, begin: Callable[..., _Dispatched | None]) -> Function:
    def dispatch(*args: Any, **kwargs: Any) -> Any:
        found = begin(args, kwargs)
        if found is None:
            return original(*args, **kwargs)
        try:
            result = original(*args, **kwargs)
        except BaseException as error:
            found.end(None, error)
            raise
        found.end(result)
        return result

    return dispatch


def _later(original: Function, begin: Callable[..., _Dispatched | None]) -> Function:
    async def dispatch(*args: Any, **kwargs: Any) -> Any:
        found = begin(args, kwargs)
        if found is None:
            return await original(*args, **kwargs)
        try:
            result = await original(*args, **kwargs)
        except BaseException as error:
            found.end(None, error)
            raise
        found.end(result)
        return result

    return dispatch


def _dispatched(args: tuple[Any, ...]) -> _Dispatched | None:
    # What an emitter does with an event of another's, or without any, is none of this dispatch.
    found = dispatching.get()
    return found if isinstance(found, _Dispatched) and args and args[0] is found.emitter else None


@dataclass(frozen=True)
class Receivers:
    """A generator from which the call that dispatches takes each receiver, and runs it before it takes the next."""

    target: str

    def wrap(self, library: Library) -> Wrap:  # noqa: ARG002  # every shape is asked alike
        """Give what makes the wrapper."""

        def make(original: Function, switch: Switch) -> Function:
            def receivers(*args: Any, **kwargs: Any) -> Iterator[Any]:
                found = _dispatched(args) if switch.on else None
                if found is None or found.asked:
                    yield from original(*args, **kwargs)  # it is the application that asks
                    return
                found.asked = True
                for receiver in original(*args, **kwargs):
                    found.turn(receiver)
                    yield receiver
                    found.over()

            return receivers

        return make


class _Running:
    """Stands in for a receiver while it is run; whoever looks at it or pickles it finds the receiver."""

    __slots__ = ("_call", "_receiver")

    def __init__(self, receiver: Any, call: Call) -> None:
        self._receiver = receiver
        self._call = call

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._call.of(self._receiver, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._receiver, name)

    def __reduce__(self) -> tuple[Any, ...]:
        return operator.itemgetter(0), ((self._receiver,),)  # another process may have no otel-eda


@dataclass(frozen=True)
class Run:
    """A call by which an emitter runs one receiver, at once, in a task or in a thread.

    `receiver` names the argument; `own` gives the application's function for what is registered in its stead.
    """

    target: str
    receiver: str
    own: Callable[[Any], Any]

    def wrap(self, library: Library) -> Wrap:  # noqa: ARG002  # every shape is asked alike
        """Give what makes the wrapper."""

        def make(original: Function, switch: Switch) -> Function:
            arguments = Arguments(original, (self.receiver,))

            @guarded
            def ours(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
                found = _dispatched(args)
                (receiver,) = arguments.read(*args, **kwargs) if found is not None else (None,)
                if found is None or isinstance(receiver, _Running):
                    return None
                call = found.call_of(self.own(receiver))
                if call is None:
                    return None
                return arguments.replace(args, kwargs, self.receiver, _Running(receiver, call))

            def run(*args: Any, **kwargs: Any) -> Any:
                given = ours(args, kwargs) if switch.on else None
                if given is None:
                    return original(*args, **kwargs)
                return original(*given[0], **given[1])

            return run

        return make
