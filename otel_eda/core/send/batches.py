"""Batches that an application fills before it sends them: each message in one has its own span and context."""

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
from otel_eda.core.telemetry import errors, hooks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.trace import Span, SpanContext

    from otel_eda.core.clients.client import Client
    from otel_eda.core.clients.library import Library, Place
    from otel_eda.core.patching.patch import Function, Switch

_CONTENTS_ATTRIBUTE = "_otel_eda_batch"


class _BatchContents:
    """What is known of a batch: who will send it, and the contexts of its messages."""

    __slots__ = ("client", "span_contexts")

    def __init__(self, client: Client) -> None:
        self.client = client
        self.span_contexts: list[SpanContext] = []


def _contents_of(batch: Any) -> _BatchContents | None:
    found: _BatchContents | None = getattr(batch, "__dict__", {}).get(_CONTENTS_ATTRIBUTE)
    return found


def origins(batch: Any) -> tuple[SpanContext, ...]:
    """Return the contexts of a batch's messages."""
    found = _contents_of(batch)
    return () if found is None else tuple(found.span_contexts)


@dataclass(frozen=True)
class Create:
    """A call that puts a message into a batch, and gives None if there is no room in it.

    `batch` is the call of a client that gives an empty one, whose class must allow attributes. `put` gives a copy of
    the argument that `headers` names with more headers, None if that can't be.
    """

    target: str
    batch: str
    put: Callable[[Any, Mapping[str, str]], Any]
    headers: str = "headers"
    operation: str = "create"

    def places(self) -> tuple[Place, ...]:
        """Return the call that gives a batch, and the one that fills it."""
        return _NewBatch(self.batch), self

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:
        """Return the call with a span around it."""
        arguments = Arguments(original, (self.headers,), library.signatures)
        return around(original, switch, partial(self._begin, library, arguments))

    @guarded
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
            contents.span_contexts.append(origin)  # the application made its span itself
            return None
        span = contents.client.scope.tracer.start_span(route.name, base, route.kind, route.attributes, ())
        context = with_span(base, span)
        if contents.client.hooks.send is not None:
            about = hooks.CallArguments(arguments.names, args, kwargs)
            hooks.call(contents.client.hooks.send, span, about, context)
        headers = self.put(taken[0], propagation.inject(context))
        if headers is not None:
            args, kwargs = arguments.replace(args, kwargs, self.headers, headers)
        return _MessageCreation(args, kwargs, contents, span)


@dataclass(frozen=True)
class _NewBatch(SinglePlace):
    """A call of a client that gives an empty batch."""

    target: str

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:
        """Return the call, whose result is known to be the client's."""

        def begin(args: tuple[Any, ...], kwargs: dict[str, Any]) -> _BatchCreation | None:
            return _BatchCreation(args, kwargs, library) if args and not passes_through(library.telemetry) else None

        return around(original, switch, guarded(begin))


class _BatchCreation(Call):
    """A call that gives an empty batch."""

    __slots__ = ("library",)

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any], library: Library) -> None:
        super().__init__(args, kwargs)
        self.library = library

    def returned(self, result: Any) -> Any:
        """Return the batch, with a note of whose it is."""
        self._note(result)
        return result

    @guarded
    def _note(self, batch: Any) -> None:
        batch.__dict__[_CONTENTS_ATTRIBUTE] = _BatchContents(client_of(self.args[0], self.library))


class _MessageCreation(Call):
    """The creation of one message."""

    __slots__ = ("contents", "span")

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any], contents: _BatchContents, span: Span) -> None:
        super().__init__(args, kwargs)
        self.contents = contents
        self.span = span

    def left(self, error: BaseException | None) -> None:
        """End the span of a message that could not be created."""
        if error is not None:
            self._end(error, taken=False)

    def returned(self, result: Any) -> Any:
        """End the span; a message that the batch has not taken is marked, and none of the batch's."""
        self._end(None, taken=result is not None)
        return result

    @guarded
    def _end(self, error: BaseException | None, *, taken: bool) -> None:
        if error is not None:
            errors.record(self.span, error, "create")
        elif not taken:
            self.span.set_attribute(semconv.REFUSED, True)
        else:
            self.contents.span_contexts.append(self.span.get_span_context())
        hooks.end(self.span, time.time_ns())
