"""Batches that an application fills before it sends them: each message in it has its own span and context."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_eda import semconv
from otel_eda.core import propagation
from otel_eda.core.clients.instances import client_of
from otel_eda.core.patching.arguments import Arguments
from otel_eda.core.runtime.contexts import current, with_span
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.operations import SEND, idle
from otel_eda.core.telemetry import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.trace import Span, SpanContext

    from otel_eda.core.clients.client import Client
    from otel_eda.core.clients.library import Library
    from otel_eda.core.patching.patch import Function, Switch, Wrap


_ATTRIBUTE = "_otel_eda_batch"


class _Contents:
    """What is known of a batch: who will send it, and the contexts of its messages."""

    __slots__ = ("client", "origins")

    def __init__(self, client: Client) -> None:
        self.client = client
        self.origins: list[SpanContext] = []


def _contents(batch: Any) -> _Contents | None:
    found: _Contents | None = getattr(batch, "__dict__", {}).get(_ATTRIBUTE)
    return found


def origins(batch: Any) -> tuple[SpanContext, ...]:
    """Give the contexts of a batch's messages."""
    found = _contents(batch)
    return () if found is None else tuple(found.origins)


@dataclass(frozen=True)
class Batch:
    """A call of a client that gives an empty batch; its class must allow attributes."""

    target: str

    def wrap(self, library: Library) -> Wrap:
        """Give what makes the wrapper."""

        @guarded
        def known(batch: Any, client: Any) -> None:
            batch.__dict__[_ATTRIBUTE] = _Contents(client_of(client, library))

        def make(original: Function, switch: Switch) -> Function:
            def batch(*args: Any, **kwargs: Any) -> Any:
                result = original(*args, **kwargs)
                if switch.on and args and not idle(library.telemetry):
                    known(result, args[0])
                return result

            return batch

        return make


@dataclass(frozen=True)
class Create:
    """A call that puts a message into a batch, and gives None if there is no room in it.

    `put` gives a copy of the argument that `headers` names with more headers, None if that can't be.
    """

    target: str
    put: Callable[[Any, Mapping[str, str]], Any]
    headers: str = "headers"
    operation: str = "create"

    def wrap(self, library: Library) -> Wrap:
        """Give what makes the wrapper."""

        def make(original: Function, switch: Switch) -> Function:
            arguments = Arguments(original, (self.headers,), library.signatures)

            def create(*args: Any, **kwargs: Any) -> Any:
                contents = _contents(args[0]) if args and switch.on else None
                if contents is None or idle(library.telemetry, SEND):
                    return original(*args, **kwargs)
                creating = self._start(contents, arguments, args, kwargs)
                if creating is None:
                    return original(*args, **kwargs)
                try:
                    result = original(*creating.args, **creating.kwargs)
                except BaseException as error:
                    creating.end(error, taken=False)
                    raise
                creating.end(None, taken=result is not None)
                return result

            return create

        return make

    @guarded
    def _start(
        self, contents: _Contents, arguments: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> _Creating | None:
        try:
            (given,) = arguments.read(*args, **kwargs)
        except TypeError:
            return None  # the call is wrong, and the library will say so itself
        route = contents.client.route(self.operation, "create", None)
        base, origin = current(), propagation.carried(given)
        if origin is not None:
            contents.origins.append(origin)  # the application made its span itself
            return None
        span = contents.client.scope.tracer.start_span(route.name, base, route.kind, route.attributes, ())
        headers = self.put(given, propagation.inject(with_span(base, span)))
        if headers is not None:
            args, kwargs = arguments.replace(args, kwargs, self.headers, headers)
        return _Creating(contents, span, args, kwargs)


class _Creating:
    """The creation of one message."""

    def __init__(self, contents: _Contents, span: Span, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.contents = contents
        self.span = span
        self.args = args
        self.kwargs = kwargs

    @guarded
    def end(self, error: BaseException | None, taken: bool) -> None:
        """End it; a message that the batch has not taken is marked, and none of the batch's."""
        if error is not None:
            errors.record(self.span, error, "create")
        elif not taken:
            self.span.set_attribute(semconv.REFUSED, True)
        else:
            self.contents.origins.append(self.span.get_span_context())
        self.span.end(time.time_ns())
