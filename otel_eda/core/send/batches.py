"""Batches that an application fills before it sends them: each message has a *create* span and a context of its own."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from otel_eda import semconv
from otel_eda.core import propagation
from otel_eda.core.clients.instances import client_of
from otel_eda.core.clients.library import SinglePlace
from otel_eda.core.patching.arguments import Arguments
from otel_eda.core.patching.around import Call, around
from otel_eda.core.runtime.contexts import current_context, with_span
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.operations import SEND, passes_through
from otel_eda.core.send.send import never_headless
from otel_eda.core.telemetry import errors, hooks
from otel_eda.core.telemetry.templates import given

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.trace import Span, SpanContext

    from otel_eda.core.clients.client import Client
    from otel_eda.core.clients.library import Library, Place
    from otel_eda.core.clients.routes import Route
    from otel_eda.core.patching.patch import Function, Switch

_CONTENTS_ATTRIBUTE = "_otel_eda_batch"


class _BatchContents:
    """The client that will send a batch, and the span contexts of the messages in it."""

    __slots__ = ("client", "span_contexts")

    def __init__(self, client: Client) -> None:
        self.client = client
        self.span_contexts: list[SpanContext] = []


def _contents_of(batch: Any) -> _BatchContents | None:
    contents: _BatchContents | None = getattr(batch, "__dict__", {}).get(_CONTENTS_ATTRIBUTE)
    return contents


def origins(batch: Any) -> tuple[SpanContext, ...]:
    """Return the span contexts of a batch's messages."""
    contents = _contents_of(batch)
    return () if contents is None else tuple(contents.span_contexts)


@dataclass(frozen=True)
class Create:
    """A call that puts a message into a batch, and returns None if there is no room in it.

    `batch` is the client's call that makes an empty batch, whose class must allow attributes. `put` returns a copy
    of the argument that `headers` names with more headers, or None if that is impossible; `headless` is as with
    `Send`. The span is the *create* span of the messaging conventions, and its context the message's.
    """

    target: str
    batch: str
    put: Callable[[Any, Mapping[str, str]], Any]
    headers: str = "headers"
    operation: str = "create"
    headless: Callable[[Any], bool] = never_headless

    def places(self) -> tuple[Place, ...]:
        """Return the call that makes a batch, and the call that fills it."""
        return _NewBatch(self.batch), self

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:
        """Return the call with a PRODUCER span, whose context goes into the message."""
        arguments = Arguments(original, (self.headers,), library.signatures)
        return around(original, switch, partial(self._begin, library, arguments))

    def _begin(
        self, library: Library, arguments: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> _MessageCreation | None:
        contents = _contents_of(args[0]) if args else None
        if contents is None or passes_through(library.telemetry, SEND):
            return None
        taken = arguments.take(args, kwargs)
        if taken is None:
            return None
        route = contents.client.route(self.operation, "create", None)
        base, origin = current_context(), propagation.span_context_in(taken[0])
        if origin is not None:
            contents.span_contexts.append(origin)  # the application has made the span itself
            return None
        span = contents.client.scope.start_like(route.template, base, route.kind, None, given, ({},))
        context = with_span(base, span)
        hooks.call_send(contents.client.hooks, span, arguments.names, (args, kwargs), context)
        more = propagation.inject(context) if self._injects(contents.client, route) else {}
        headers = self.put(taken[0], more) if more else None
        if headers is not None:
            args, kwargs = arguments.replace(args, kwargs, self.headers, headers)
        return _MessageCreation(args, kwargs, contents, span)

    def _injects(self, client: Client, route: Route) -> bool:
        instance = client.instance()
        return route.injects and not (instance is not None and self.headless(instance))


@dataclass(frozen=True)
class _NewBatch(SinglePlace):
    """A call of a client that returns an empty batch."""

    target: str

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:
        """Return the call; the batch that it returns remembers the client."""

        def begin(args: tuple[Any, ...], kwargs: dict[str, Any]) -> _BatchCreation | None:
            return _BatchCreation(args, kwargs, library) if args and not passes_through(library.telemetry) else None

        return around(original, switch, begin)


class _BatchCreation(Call):
    """One call that makes an empty batch."""

    __slots__ = ("library",)

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any], library: Library) -> None:
        super().__init__(args, kwargs)
        self.library = library

    def returned(self, result: Any) -> Any:
        """Return the batch, which remembers the client from now on."""
        self._note(result)
        return result

    @guarded
    def _note(self, batch: Any) -> None:
        batch.__dict__[_CONTENTS_ATTRIBUTE] = _BatchContents(client_of(self.args[0], self.library))


class _MessageCreation(Call):
    """One call that puts a message into a batch."""

    __slots__ = ("contents", "span")

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any], contents: _BatchContents, span: Span) -> None:
        super().__init__(args, kwargs)
        self.contents = contents
        self.span = span

    def raised(self, error: BaseException) -> None:
        """End the span of a message that could not be created."""
        self._end(error, accepted=False)

    def returned(self, result: Any) -> Any:
        """End the span and return the result; a message for which there was no room is marked as refused."""
        self._end(None, accepted=result is not None)
        return result

    @guarded
    def _end(self, error: BaseException | None, *, accepted: bool) -> None:
        if error is not None:
            errors.record(self.span, error, "create")
        elif not accepted:
            self.span.set_attribute(semconv.REFUSED, True)
        else:
            self.contents.span_contexts.append(self.span.get_span_context())
        hooks.end(self.span, time.time_ns())
