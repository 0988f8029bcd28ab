"""One message between the call that sends it and the broker's answer."""

from __future__ import annotations

import time
from asyncio import Future
from typing import TYPE_CHECKING, Any

from otel_eda import semconv
from otel_eda.config import config
from otel_eda.core.clients.attributes import learn
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.operations import SEND, enter
from otel_eda.core.telemetry import errors

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from opentelemetry.context import Context
    from opentelemetry.trace import Span

    from otel_eda.core.clients.client import Client
    from otel_eda.core.clients.routes import Route
    from otel_eda.core.message import Message
    from otel_eda.core.runtime.operations import Operation


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
        "span",
        "start",
    )

    client: Client
    route: Route
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
                attributes: dict[str, Any] = {}
                learn(attributes, message)
                self.span.set_attributes(attributes)
                self.partition = attributes.get(semconv.PARTITION, self.partition)
        self._end(None)

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
        route, scope = self.route, self.route.scope
        if scope.measures(end):
            taken, measures = max(end - self.start, 0) / 1e9, route.measures(self.partition, kind)
            scope.metrics.operation_duration.record(taken, measures, self.context)
        route.sent(self.partition, kind, self.number)
