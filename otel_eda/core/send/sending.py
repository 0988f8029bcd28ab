"""One message between the call that sends it and the broker's answer."""

from __future__ import annotations

import time
from asyncio import Future
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Protocol

from opentelemetry.trace import Link, SpanKind

from otel_eda import semconv
from otel_eda.core import propagation
from otel_eda.core.clients.attributes import add_broker_attributes, message_attributes
from otel_eda.core.runtime.contexts import current_context, with_span
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.operations import SEND, enter
from otel_eda.core.telemetry import errors
from otel_eda.core.telemetry.errors import ENDS, Unresolved

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from types import TracebackType

    from opentelemetry.context import Context
    from opentelemetry.trace import Span

    from otel_eda.core.clients.client import Client
    from otel_eda.core.message import Message
    from otel_eda.core.runtime.operations import Operation

    Report = Callable[[Any, Callable[[Any], None], Callable[[BaseException], None]], object]


class Learner(Protocol):
    """What learns the outcome of a send once the call has returned."""

    def after_call(self, sending: Sending, result: Any) -> None:
        """End the send, or have it wait."""


class Sending:
    """One message between the call that sends it and the broker's answer.

    `origin` is the context that its headers carried before, `base` the context of the call, `context` the one with the
    span; `awaited` says that the answer comes to a callback, `answer` is what may still be asked for it.
    """

    __slots__ = (
        "args",
        "batch_count",
        "call_context",
        "client",
        "context",
        "done",
        "kwargs",
        "operation",
        "origin",
        "outcome",
        "outcome_to_callback",
        "partition",
        "pending_answer",
        "receipt",
        "report",
        "route",
        "span",
        "start",
    )

    operation: Operation
    report: Report

    def __init__(
        self,
        client: Client,
        operation: str,
        message: Message,
        *,
        receipt: Callable[[Any], Message | None],
        outcome: Learner | None,
        call: tuple[tuple[Any, ...], dict[str, Any]],
    ) -> None:
        self.client = client
        self.route = client.route(operation, "send", message.destination)
        self.args, self.kwargs = call
        self.receipt, self.outcome = receipt, outcome
        self.batch_count, self.partition = message.batch_count, message.partition
        self.pending_answer: Any = None
        self.outcome_to_callback = self.done = False
        self.start = time.time_ns()
        self.call_context: Context = current_context()
        self.origin = propagation.span_context_in(message.headers)
        self.span: Span = self._start_span(message)
        self.context: Context = with_span(self.call_context, self.span)

    def _start_span(self, message: Message) -> Span:
        origins, route = (self.origin,) if self.origin else message.origins, self.route
        return route.scope.tracer.start_span(
            route.name,
            self.call_context,
            SpanKind.CLIENT if origins else route.kind,
            message_attributes(route, message),
            [Link(origin) for origin in origins] if origins else (),
            self.start,
        )

    def __enter__(self) -> None:
        self.operation = enter(SEND, self.context)

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        self.operation.leave()
        del self.operation  # what it holds is not to be kept until the broker answers
        if error is not None:
            self._raised(error)

    def returned(self, result: Any) -> Any:
        """Return the call's result, from which, or later, the outcome is learnt."""
        if type(result) is CoroutineType:
            return self._await(result)
        self._handle_result(result)
        return result

    async def _await(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        # Somebody else's wrapper, which is no coroutine function, stands before one.
        with self:
            result = await coroutine
        self._handle_result(result)
        return result

    @guarded
    def _handle_result(self, result: Any) -> None:
        self.args, self.kwargs = (), {}  # the payload is not ours to keep until the broker answers
        if self.outcome is None:
            self.acknowledged(result)
        else:
            self.outcome.after_call(self, result)

    @guarded
    def _raised(self, error: BaseException) -> None:
        # Where the answer comes later, or the client says "not now", a call that raises has sent nothing.
        if isinstance(error, Exception) and (self.outcome is not None or self.client.library.empty(error)):
            self.span.set_attribute(semconv.SEND_REFUSED, True)
        self.failed(error)

    def keep_open(self) -> None:
        """Be open until the broker answers."""
        self.client.pending_sends[id(self)] = self

    @guarded
    def acknowledged(self, answer: Any) -> None:
        """End with what the broker answered."""
        if self.span.is_recording() or self.route.by_partition:
            message = self.receipt(answer)
            if message is not None:
                attributes: dict[str, Any] = {}
                add_broker_attributes(attributes, message)
                self.span.set_attributes(attributes)
                self.partition = attributes.get(semconv.PARTITION, self.partition)
        self._end(None)

    @guarded
    def failed(self, error: BaseException) -> None:
        """End with why the message was not sent."""
        self._end(Unresolved("nobody waits for the broker's answer any more") if isinstance(error, ENDS) else error)

    def abandoned(self, error: BaseException) -> None:
        """End with why nobody waits for the answer any more, unless it is there."""
        if isinstance(self.pending_answer, Future) and self.pending_answer.done():  # its callbacks wait for the loop
            self.report(self.pending_answer, self.acknowledged, self.failed)
        self.failed(error)

    def _end(self, error: BaseException | None) -> None:
        if self.done:
            return
        self.done = True
        self.args, self.kwargs, self.pending_answer = (), {}, None
        self.client.pending_sends.pop(id(self), None)
        end = time.time_ns()
        kind = None if error is None else errors.record(self.span, error, "send", self.context)
        self.span.end(end)
        route, scope = self.route, self.route.scope
        if scope.check_durations(end):
            taken, measures = max(end - self.start, 0) / 1e9, route.duration_attributes(self.partition, kind)
            scope.metrics.operation_duration.record(taken, measures, self.context)
        route.count_sent(self.partition, kind, self.batch_count)
