"""One message between the call that sends it and the broker's answer."""

from __future__ import annotations

import time
from asyncio import Future
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Protocol

from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanKind

from otel_eda.core import propagation
from otel_eda.core.clients.attributes import broker_attributes, described
from otel_eda.core.runtime.contexts import PROCESSING, SPAN, get_current, skip_ended, with_span
from otel_eda.core.runtime.guard import failed, guarded
from otel_eda.core.runtime.operations import SEND, enter
from otel_eda.core.send.refusals import mark_repeat, refused
from otel_eda.core.telemetry import errors, hooks
from otel_eda.core.telemetry.errors import ENDS, Unresolved

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from opentelemetry.trace import Span

    from otel_eda.core.clients.client import Client
    from otel_eda.core.message import Message
    from otel_eda.core.runtime.operations import Operation

    Report = Callable[[Any, Callable[[Any], None], Callable[[BaseException], None]], object]

_CLIENT = SpanKind.CLIENT


class Sends(Protocol):
    """What there is to know of the calls that send: the operation's name, and who reads the broker's answers."""

    @property
    def operation(self) -> str:
        """The name of the operation."""

    @property
    def outcome(self) -> Learner | None:
        """What learns the outcome, None if the call's result is the answer."""

    def receipt(self, instance: Any, /) -> Callable[[Any], Message | None]:
        """Return what reads the answers to a client."""


class Learner(Protocol):
    """What learns the outcome of a send once the call has returned."""

    def after_call(self, sending: Sending, result: Any) -> None:
        """End the send, or have it wait."""

    def is_answer(self, error: BaseException) -> bool:
        """Return whether an exception of the call is the broker's answer."""


class Sending:
    """One message between the call that sends it and the broker's answer.

    `origin` is the span context that the message's headers carried before, `call_context` the context of the call;
    `outcome_to_callback` says that the answer comes to a callback of ours; `pending_answer` is the object that will
    report the answer. As long as the call runs there is also `context`, the one with the span, and `contents`, the
    arguments that say what is sent and where.

    It is itself what is called with the answer: a method of it would be an object more, and the garbage collector has
    to look at each that waits for the broker.

    A message whose headers carry a context already has a *create* span by somebody else: then this *send* span is of
    kind CLIENT and linked to it, as the messaging conventions ask for.
    """

    operation: Operation
    report: Report
    pending_answer: Any = None
    outcome_to_callback = kept_open = done = False

    def __init__(  # noqa: PLR0917  # called for each message: names would cost
        self,
        sends: Sends,
        client: Client,
        message: Message,
        contents: tuple[Any, ...],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        self.client, self.outcome = client, sends.outcome
        self.args, self.kwargs, self.contents = args, kwargs, contents
        self.route = route = client.route(sends.operation, "send", message.destination)
        self.batch_count, self.partition = message.batch_count, message.partition
        self.start, context = time.time_ns(), get_current()
        self.call_context = context = skip_ended(context) if PROCESSING in context else context
        self.origin = origin = propagation.span_context_in(message.headers) if message.headers else None
        kind = _CLIENT if origin or message.origins else route.kind
        about = described, (route, message, origin)
        self.span: Span = route.scope.start_like(route.template, context, kind, self.start, about)
        recorded = type(self.span) is not NonRecordingSpan or route.by_partition
        self.receipt = sends.receipt(args[0]) if recorded else None
        if client.refused_sends:
            mark_repeat(client, contents, self.span)
        self.context = Context({**context, SPAN: self.span} if context else {SPAN: self.span})

    def returned(self, result: Any) -> Any:
        """End the call, and return its result, from which, or later, the outcome is known."""
        self.operation.leave()
        del self.operation  # its tokens hold contexts, which must not live until the broker answers
        if type(result) is CoroutineType:
            return self._await(result)
        try:
            # The payload must not live until the broker answers, and nothing should that is not needed then.
            del self.args, self.kwargs, self.contents, self.context
            if self.outcome is None:
                self.acknowledged(result)
            else:
                self.outcome.after_call(self, result)
        except Exception as error:  # noqa: BLE001  # it is a failure of ours
            failed("core.send.sending.Sending.returned", error)
        return result

    async def _await(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        # The original is somebody else's plain wrapper around a coroutine function.
        self.operation = enter(SEND, self.context)
        try:
            result = await coroutine
        except BaseException as error:
            self.raised(error)
            raise
        return self.returned(result)

    def raised(self, error: BaseException) -> None:
        """End the call, which has raised an exception."""
        self.operation.leave()
        del self.operation
        self._refused(error)

    @guarded
    def _refused(self, error: BaseException) -> None:
        # Where the answer comes later, or the client says "not now", a call that raises has sent nothing.
        if isinstance(error, Exception):
            later = self.outcome is not None and not self.outcome.is_answer(error)
            refused(self.client, self.contents, self.span, at_once=later or self.client.library.empty(error))
        self.failed(error)

    def keep_open(self) -> None:
        """Keep the send open until the broker answers."""
        self.kept_open = True
        self.client.pending_sends[id(self)] = self

    def _is_first_answer(self) -> bool:
        # The answer may come to one thread while another closes the client: who takes it out of the dict ends it.
        if self.done or (self.kept_open and self.client.pending_sends.pop(id(self), None) is None):
            return False
        self.done = True
        return True

    def acknowledged(self, answer: Any) -> None:
        """End the send with the broker's answer; an exception says that it was not sent, and why."""
        try:
            if isinstance(answer, BaseException):
                self.failed(answer)
            if not self._is_first_answer():
                return
            try:
                span = self.span
                if self.receipt is not None and (self.route.by_partition or span.is_recording()):
                    message = self.receipt(answer)
                    if message is not None:
                        span.set_attributes(broker_attributes(message))
                        self.partition = message.partition if message.partition is not None else self.partition
            finally:
                self._end(None)
        except Exception as error:  # noqa: BLE001  # it is a failure of ours
            failed("core.send.sending.Sending.acknowledged", error)

    __call__ = acknowledged

    @guarded
    def failed(self, error: BaseException) -> None:
        """End with why the message was not sent."""
        if self._is_first_answer():
            given_up = isinstance(error, ENDS)
            self._end(Unresolved("nobody waits for the broker's answer any more") if given_up else error)

    def abandoned(self, error: BaseException) -> None:
        """End the send with the reason why nobody waits for the answer any more, unless the answer is there."""
        if (
            isinstance(self.pending_answer, Future) and self.pending_answer.done()
        ):  # its callbacks would run in the loop's next step
            self.report(self.pending_answer, self, self)
        self.failed(error)

    def _end(self, error: BaseException | None) -> None:
        self.pending_answer = None
        end = time.time_ns()
        if self.client.learning:
            self.span.set_attributes(self.client.learn() or {})
        kind = None if error is None else self._record_error(error)
        hooks.end(self.span, end) if hooks.unfinished else self.span.end(end)
        route, scope = self.route, self.route.scope
        if scope.records_durations or scope.check_durations(end):
            usual = route.usual_durations if kind is None else None
            (usual or route.own_durations(self.partition, kind)).record(
                (end - self.start) / 1e9 if end > self.start else 0.0, self.call_context, end, self.span
            )
        route.count_sent(self.partition, kind, self.batch_count)

    def _record_error(self, error: BaseException) -> str:
        return errors.record(self.span, error, "send", with_span(self.call_context, self.span))
