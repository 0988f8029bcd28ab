"""The shape of a call that sends a list of messages and takes no headers: one span until the last answer."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import SpanKind

from otel_eda import semconv
from otel_eda.core.clients.attributes import described
from otel_eda.core.clients.instances import client_of
from otel_eda.core.clients.library import SinglePlace
from otel_eda.core.patching.arguments import Arguments
from otel_eda.core.patching.around import Call, around
from otel_eda.core.runtime.contexts import current_context, with_span
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.operations import SEND, enter, passes_through
from otel_eda.core.send.outcomes import DeliveryReport
from otel_eda.core.telemetry import errors, hooks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otel_eda.core.clients.client import Client
    from otel_eda.core.clients.library import Library
    from otel_eda.core.message import Message
    from otel_eda.core.patching.patch import Function, Switch


class _PartOfBatch:
    """One message of a batch; its outcome is reported like that of a send."""

    __slots__ = ("call_context", "done", "sending")

    def __init__(self, batch: _BatchSending) -> None:
        self.sending = batch
        self.call_context = batch.call_context
        self.done = False

    @guarded
    def acknowledged(self, _: Any) -> None:
        """Count the message as sent."""
        self._end(None)

    @guarded
    def failed(self, error: BaseException) -> None:
        """Count the message as failed."""
        self._end(error)

    def _end(self, error: BaseException | None) -> None:
        if self.sending.is_first_answer(self):
            self.done = True
            self.sending.record_outcome(self, error)


class _BatchSending:
    """The messages of one call, until all of them are answered."""

    def __init__(self, client: Client, operation: str, message: Message, number: int) -> None:
        self.client = client
        self.scope = client.scope
        self.route = client.route(operation, "send", message.destination)
        self.partition = message.partition
        self.start = time.time_ns()
        self.call_context = current_context()
        # No message carries the context of this span, so its kind is CLIENT.
        template, kind = self.route.template, SpanKind.CLIENT
        about = described, (self.route, message, None, {semconv.BATCH_COUNT: number})
        self.span = self.scope.start_like(template, self.call_context, kind, self.start, about)
        self.context = with_span(self.call_context, self.span)
        self.parts = [_PartOfBatch(self) for _ in range(number)]
        self._open = {id(part) for part in self.parts}
        self._unrecorded = self._open.copy()
        self.error: BaseException | None = None
        self.done = False
        client.pending_sends[id(self)] = self

    def is_first_answer(self, part: _PartOfBatch) -> bool:
        """Return whether no other thread has the answer for a message already."""
        try:
            self._open.remove(id(part))
        except KeyError:
            return False
        return True

    def record_outcome(self, part: _PartOfBatch, error: BaseException | None) -> None:
        """Count one message as sent or failed; the first error is the span's."""
        if self.done:
            return  # in a forked child, whose parent ends the span
        kind = None if error is None else errors.error_type(error)
        self.route.count_sent(self.partition, kind)
        self.error = self.error or error
        self._unrecorded.discard(id(part))
        # Two threads may find that nothing is left: the one that takes it out of the dict ends it.
        if not self._unrecorded and self.client.pending_sends.pop(id(self), None) is not None:
            self._end()

    def _end(self) -> None:
        self.done = True
        end = time.time_ns()
        kind = None if self.error is None else errors.record(self.span, self.error, "send", self.context)
        hooks.end(self.span, end)
        durations = self.route.own_durations(self.partition, kind)
        durations.record((end - self.start) / 1e9 if end > self.start else 0.0, self.context, end)

    @guarded
    def failed(self, error: BaseException) -> None:
        """Fail every message that is not answered."""
        for part in self.parts:
            part.failed(error)

    abandoned = failed


@dataclass(frozen=True)
class SendBatch(SinglePlace):
    """A call that publishes a list of messages, one of its arguments, to one destination.

    `message` reads the destination from the client and the arguments that `takes` names, one of which is the list;
    `given` returns the callback that a message of the list names, or None; `ask` returns a copy of a message with
    another callback; `refused` returns, after the call, the exception with which the call has refused a message, or
    None; `callbacks` are the names of the argument that holds the callback of messages that name none. No message can
    carry the span's context, so its kind is CLIENT.
    """

    target: str
    takes: tuple[str, ...]
    messages: str
    callbacks: tuple[str, ...]
    message: Callable[..., Message | None]
    callback_of: Callable[[Any], Any]
    with_callback: Callable[[Any, Any], Any]
    refused: Callable[[Any, Any], BaseException | None]
    failure: Callable[[Any], BaseException]
    operation: str = "send"

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:
        """Return the call with a CLIENT span that lasts until the last message is answered."""
        arguments = Arguments(original, (*self.takes, *self.callbacks), library.signatures)
        return around(original, switch, partial(self._begin, library, arguments))

    def _begin(
        self, library: Library, arguments: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> _BatchCall | None:
        taken = None if passes_through(library.telemetry, SEND) else arguments.take(args, kwargs)
        message = None if taken is None else self.message(args[0], *taken[: len(self.takes)])
        if taken is None or message is None:
            return None
        items = list(taken[self.takes.index(self.messages)])
        client = client_of(args[0], library)
        callback = next((value for value in taken[len(self.takes) :] if value is not ...), None)
        callback = client.identity.callback if callback is None else callback
        batch = _BatchSending(client, self.operation, message, len(items))
        hooks.call_send(client.hooks, batch.span, arguments.names, (args, kwargs), batch.context)
        copies = [self._copy(item, part, callback) for item, part in zip(items, batch.parts, strict=True)]
        args, kwargs = arguments.replace(args, kwargs, self.messages, copies)
        return _BatchCall(args, kwargs, self, batch, [*zip(batch.parts, items, copies, strict=True)])

    def _copy(self, item: Any, part: _PartOfBatch, default_callback: Any) -> Any:
        callback = self.callback_of(item)
        callback = default_callback if callback is None else callback
        if callback is ...:
            part.acknowledged(None)  # the client has a callback that is not known, and that ours would replace
            return item
        return self.with_callback(item, DeliveryReport(part, callback, self.failure))


class _BatchCall(Call):
    """One call that sends a batch."""

    __slots__ = ("batch", "operation", "parts", "shape")

    def __init__(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        shape: SendBatch,
        batch: _BatchSending,
        sent: Sequence[tuple[_PartOfBatch, Any, Any]],
    ) -> None:
        super().__init__(args, kwargs)
        self.shape = shape
        self.batch = batch
        self.parts = sent
        self.operation = enter(SEND, batch.context)

    def exited(self, error: BaseException | None) -> None:
        """Fail the messages that the call has refused, or all of them if the call failed."""
        self.operation.leave()
        if error is not None:
            self.batch.failed(error)
        self._note_refused()

    @guarded
    def _note_refused(self) -> None:
        for part, item, copy in self.parts:
            error = self.shape.refused(item, copy)
            if error is not None:
                part.failed(error)
