"""A settlement between its call and the broker's answer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry.trace import Link

from otel_eda import semconv
from otel_eda.core.clients.client import without_none
from otel_eda.core.patching.around import Call
from otel_eda.core.runtime.contexts import current_context, with_span
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.operations import SETTLE, enter
from otel_eda.core.telemetry import errors
from otel_eda.core.telemetry.errors import ENDS, Unresolved

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from otel_eda.core.clients.client import Client
    from otel_eda.core.clients.routes import Route
    from otel_eda.core.message import Unsettled
    from otel_eda.core.runtime.operations import Operation

    Offsets = Mapping[tuple[str, str], int]
    Report = Callable[[Any, Callable[[Any], None], Callable[[BaseException], None]], object]
    SettleCall = tuple[tuple[Any, ...], dict[str, Any]]


class Settlement(Call):
    """A settlement between its call and the broker's answer, which `report`, if there is one, reports."""

    __slots__ = ("call_context", "client", "operation", "report", "route", "scope", "span", "start")

    operation: Operation
    report: Report | None

    def __init__(
        self, client: Client, route: Route, call: SettleCall, attributes: Mapping[str, Any], links: Sequence[Link] = ()
    ) -> None:
        super().__init__(*call)
        self.client = client
        self.scope = client.scope
        self.route = route
        self.report = None
        self.start = time.time_ns()
        self.call_context = current_context()
        self.span = self.scope.tracer.start_span(
            route.name, self.call_context, route.kind, {**route.attributes, **attributes}, links, self.start
        )

    def __enter__(self) -> object:
        self.operation = enter(SETTLE)
        self.client.settle_calls += 1
        return self

    def left(self, error: BaseException | None) -> None:
        """Leave the call."""
        self.client.settle_calls -= 1
        self.operation.leave()
        if error is not None:
            self.failed(error)

    def returned(self, result: Any) -> Any:
        """Return the call's result, from which, or later, the outcome is learnt."""
        self._handle_result(result)
        return result

    @guarded
    def _handle_result(self, result: Any) -> None:
        self.args, self.kwargs = (), {}  # they are not ours to keep until the broker answers
        if result is None and self.client.has_commit_callback:
            self.client.unanswered_settlements.append(self)
        elif self.report is None or result is None:
            self.succeeded(result)
        else:
            self.report(result, self.succeeded, self.failed)

    @guarded
    def succeeded(self, _: Any) -> None:
        """End: the broker has it."""
        self._end(None)

    @guarded
    def failed(self, error: BaseException) -> None:
        """End with why the broker has not."""
        self._end(Unresolved("nobody waits for the broker's answer any more") if isinstance(error, ENDS) else error)

    def _end(self, error: BaseException | None) -> None:
        end = time.time_ns()
        context = with_span(self.call_context, self.span)
        kind = errors.record(self.span, error, "settle", context) if error is not None else None
        self.count(error, kind)
        self.span.end(end)
        taken = max(end - self.start, 0) / 1e9
        self.scope.metrics.operation_duration.record(taken, self.route.duration_attributes(None, kind), context)

    def count(self, error: BaseException | None, kind: str | None) -> None:
        """Count what was settled."""
        raise NotImplementedError


class Commit(Settlement):
    """A commit of offsets."""

    __slots__ = ("offsets", "read_result")

    def __init__(
        self,
        client: Client,
        operation: str,
        call: SettleCall,
        *,
        offsets: Offsets,
        settled: Callable[[Any], Offsets] | None,
        report: Report | None,
    ) -> None:
        self.offsets = offsets
        self.read_result = settled
        topics = {topic for topic, _ in offsets} or client.consumed_destinations
        super().__init__(client, _route(client, operation, topics), call, _offset_attributes(offsets))
        self.report = report

    @guarded
    def succeeded(self, result: Any) -> None:
        """End: the broker has them, and perhaps says which."""
        if not self.offsets and self.read_result is not None and result is not None:
            self.set_offsets(self.read_result(result))
        self._end(None)

    def set_offsets(self, offsets: Offsets) -> None:
        """Note what was committed by a call that did not say so."""
        self.offsets = offsets
        self.span.set_attributes(_offset_attributes(offsets))

    @guarded
    def count(self, error: BaseException | None, kind: str | None) -> None:  # noqa: ARG002
        """Count and remember the commit."""
        self.span.set_attributes(self.client.record_commit(self.offsets, automatic=False, error=error))


def _offset_attributes(offsets: Offsets) -> dict[str, Any]:
    if len(offsets) != 1:
        return {}
    (((_, partition), offset),) = offsets.items()
    return {semconv.PARTITION: partition, semconv.COMMITTED: offset}


@guarded
def commit_answered(client: Client, offsets: Offsets, error: BaseException | None) -> None:
    """End the first commit that waits for such an answer; where none does, it is the answer to an automatic one."""
    for settlement in client.unanswered_settlements:
        if isinstance(settlement, Commit) and settlement.offsets in ({}, offsets):
            client.unanswered_settlements.remove(settlement)
            settlement.set_offsets(offsets)
            settlement.succeeded(None) if error is None else settlement.failed(error)
            return
    if offsets:
        client.record_commit(offsets, automatic=True, error=error)


class Tags(NamedTuple):
    """Which messages a call settles: that of a tag, or all up to it (0: all there are); `requeue` if it says so."""

    delivery_tag: int
    multiple: bool = False
    requeue: bool | None = None


def take_unsettled(client: Client, tags: Tags) -> dict[int, Unsettled]:
    """Return the messages that tags name by their tags, which wait for it no longer."""
    waiting = client.unsettled
    if not tags.multiple:
        message = waiting.pop(tags.delivery_tag, None)
        return {} if message is None else {tags.delivery_tag: message}
    return {
        delivery_tag: waiting.pop(delivery_tag)
        for delivery_tag in [
            delivery_tag for delivery_tag in list(waiting) if delivery_tag <= tags.delivery_tag or not tags.delivery_tag
        ]
    }


class Acknowledgement(Settlement):
    """An acknowledgement or rejection of messages."""

    __slots__ = ("message_count",)

    def __init__(
        self, client: Client, operation: str, call: SettleCall, tags: Tags, messages: Sequence[Unsettled]
    ) -> None:
        self.message_count = len(messages) if tags.multiple else 1
        attributes: dict[str, Any] = {semconv.DELIVERY_TAG: tags.delivery_tag} if tags.delivery_tag else {}
        if tags.requeue is not None:
            attributes[semconv.REQUEUED] = tags.requeue
        if tags.multiple:
            attributes[semconv.BATCH_COUNT] = self.message_count
        elif messages:
            attributes |= without_none(
                {semconv.MESSAGE_ID: messages[0].id, semconv.CONVERSATION: messages[0].conversation}
            )
        links = [Link(message.origin) for message in messages if message.origin]
        route = _route(client, operation, {message.destination for message in messages})
        super().__init__(client, route, call, attributes, links)

    @guarded
    def count(self, error: BaseException | None, kind: str | None) -> None:  # noqa: ARG002
        """Count the messages."""
        self.route.count(self.scope.metrics.settled, None, kind, self.message_count)


def _route(client: Client, operation: str, destinations: set[str]) -> Route:
    return client.route(operation, "settle", destinations.pop() if len(destinations) == 1 else None)
