"""A settlement between its call and the broker's answer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry.trace import Link

from otel_eda import semconv
from otel_eda.core.clients.dead_letters import dead_letters
from otel_eda.core.message import DestinationTemplate
from otel_eda.core.patching.around import Call
from otel_eda.core.runtime.contexts import current_context, with_span
from otel_eda.core.runtime.guard import failed, guarded
from otel_eda.core.telemetry import errors
from otel_eda.core.telemetry.errors import ENDS, Unresolved
from otel_eda.core.telemetry.templates import given

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from otel_eda.core.clients.client import Client
    from otel_eda.core.clients.routes import Route
    from otel_eda.core.message import Unsettled
    from otel_eda.core.runtime.operations import Operation
    from otel_eda.core.telemetry.instruments import Count
    from otel_eda.core.telemetry.templates import About, Described

    Offsets = Mapping[tuple[str, str], int]
    Report = Callable[[Any, Callable[[Any], None], Callable[[BaseException], None]], object]
    SettleCall = tuple[tuple[Any, ...], dict[str, Any]]


_MOST_PARTS = 64  # partitions of which a commit's span tells the offsets: all, or none


class Settlement(Call):
    """A settlement between its call and the broker's answer.

    Where there is a `report`, the answer comes through it, and else with the call's result. The span is linked to the
    messages where they are known, as the messaging conventions ask of a *settle* span.
    """

    __slots__ = ("call_context", "client", "operation", "report", "route", "span", "start")

    operation: Operation  # in progress from the begin of the call to its end
    report: Report | None

    def __init__(self, client: Client, route: Route, call: SettleCall, about: About) -> None:
        self.args, self.kwargs = call
        self.client, self.route, self.report = client, route, None
        self.start, self.call_context = time.time_ns(), current_context()
        self.span = route.scope.start_like(route.template, self.call_context, route.kind, self.start, about)

    def exited(self, error: BaseException | None) -> None:
        """End the call; one that has raised has settled nothing."""
        self.client.settle_calls -= 1
        self.operation.leave()
        if error is not None:
            self.failed(error)

    def returned(self, result: Any) -> Any:
        """Return the call's result, from which, or later, the outcome is known."""
        self.client.settle_calls -= 1
        self.operation.leave()
        self._handle_result(result)
        return result

    def _handle_result(self, result: Any) -> None:
        self.args, self.kwargs = (), {}  # the application's objects must not live until the broker answers
        try:
            if result is None and self.client.has_commit_callback:
                self.client.unanswered_settlements.append(self)
            elif self.report is None or result is None:
                self._succeed(result)
            else:
                self.report(result, self.succeeded, self.failed)
        except Exception as error:  # noqa: BLE001  # it is a failure of ours
            failed("core.settle.settlement.Settlement._handle_result", error)

    @guarded
    def succeeded(self, result: Any) -> None:
        """End the settlement: the broker has accepted it."""
        self._succeed(result)

    def _succeed(self, _: Any) -> None:
        self._end(None)

    @guarded
    def failed(self, error: BaseException) -> None:
        """End with why the broker has not."""
        self._end(Unresolved("nobody waits for the broker's answer any more") if isinstance(error, ENDS) else error)

    def _end(self, error: BaseException | None) -> None:
        end, scope, kind = time.time_ns(), self.route.scope, None
        if error is not None:
            kind = errors.record(self.span, error, "settle", with_span(self.call_context, self.span))
        self.count(error, kind)
        self.span.end(end)
        if scope.records_durations or scope.check_durations(end):
            usual = self.route.usual_durations if kind is None else None
            durations = usual or self.route.own_durations(None, kind)
            spent = end - self.start if end > self.start else 0
            durations.record(spent / 1e9, with_span(self.call_context, self.span), end)

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
        topics = {topic for topic, _ in offsets} or client.consumed_destinations.copy()
        route = client.route(operation, "settle", _common(topics))
        super().__init__(client, route, call, given(_offset_attributes(offsets)))
        self.report = report

    def _succeed(self, result: Any) -> None:
        # The result may name the offsets.
        if not self.offsets and self.read_result is not None and result is not None:
            self.set_offsets(self.read_result(result))
        self._end(None)

    def set_offsets(self, offsets: Offsets) -> None:
        """Set the offsets of a commit whose call did not name them."""
        self.offsets = offsets
        self.span.set_attributes(_offset_attributes(offsets))

    @guarded
    def count(self, error: BaseException | None, kind: str | None) -> None:  # noqa: ARG002
        """Count the commit, and record it in the ledger."""
        self.span.set_attributes(self.client.record_commit(self.offsets, automatic=False, error=error))
        if 1 < len(self.offsets) <= _MOST_PARTS:
            self._add_parts()

    def _add_parts(self) -> None:
        for (topic, partition), offset in self.offsets.items():
            part: dict[str, Any] = {semconv.DESTINATION: topic, semconv.PARTITION: partition, semconv.COMMITTED: offset}
            self.span.add_event(semconv.COMMIT_PART, part)


def _offset_attributes(offsets: Offsets) -> dict[str, Any]:
    if len(offsets) != 1:
        return {}
    (((_, partition), offset),) = offsets.items()
    return {semconv.PARTITION: partition, semconv.COMMITTED: offset}


@guarded
def commit_answered(client: Client, offsets: Offsets, error: BaseException | None) -> None:
    """End the first commit that waits for this answer; where none does, count an automatic commit."""
    for settlement in client.unanswered_settlements.copy():
        if isinstance(settlement, Commit) and settlement.offsets in ({}, offsets) and _answered(client, settlement):
            settlement.set_offsets(offsets)
            settlement.succeeded(None) if error is None else settlement.failed(error)
            return
    if offsets:
        client.record_commit(offsets, automatic=True, error=error)


def _answered(client: Client, settlement: Settlement) -> bool:
    # Whether it is this thread's to end.
    try:
        client.unanswered_settlements.remove(settlement)
    except ValueError:
        return False
    return True


class Tags(NamedTuple):
    """The messages that a call settles: the one of a tag, or, if `multiple`, all up to it; 0 stands for all.

    `requeue` says whether rejected messages go back into the queue, None if the call does not say.
    """

    delivery_tag: int
    multiple: bool = False
    requeue: bool | None = None


def take_unsettled(client: Client, tags: Tags) -> Sequence[Unsettled]:
    """Return the messages that tags stand for; they wait for a settlement no longer."""
    waiting = client.unsettled
    if not tags.multiple:
        message = waiting.pop(tags.delivery_tag, None)
        return () if message is None else (message,)
    chosen = [tag for tag in list(waiting) if tag <= tags.delivery_tag or not tags.delivery_tag]
    taken = [waiting.pop(tag, None) for tag in chosen]
    return [message for message in taken if message is not None]  # else another thread has taken it


class Acknowledgement(Settlement):
    """An acknowledgement or rejection of messages."""

    __slots__ = ("message_count", "requeue")

    def __init__(
        self, client: Client, operation: str, call: SettleCall, tags: Tags, messages: Sequence[Unsettled]
    ) -> None:
        self.message_count = len(messages) if tags.multiple else 1
        self.requeue = tags.requeue
        place = _place(messages)
        route = client.route(operation, "settle", place)
        super().__init__(client, route, call, (_described, (client, tags, messages, place)))

    def count(self, error: BaseException | None, kind: str | None) -> None:  # noqa: ARG002
        """Count the messages that were settled, and of rejected ones whether they come again."""
        usual = self.route.usual_count if kind is None and self.requeue is None else None
        (usual or self._count(self.route, kind)).number += self.message_count

    def _count(self, route: Route, kind: str | None) -> Count:
        if self.requeue is None:
            return route.settled(kind)
        attributes = route.count_attributes(None, kind) | {semconv.REQUEUED: self.requeue}
        return route.scope.metrics.settled.count_for(attributes)


def _described(client: Client, tags: Tags, messages: Sequence[Unsettled], place: str | None) -> Described:
    attributes: dict[str, Any] = {semconv.DELIVERY_TAG: tags.delivery_tag} if tags.delivery_tag else {}
    if tags.requeue is not None:
        _add_requeued(attributes, client, tags.requeue, messages)
    if tags.multiple:
        attributes[semconv.BATCH_COUNT] = len(messages)
    elif messages:
        _, _, _, id_, conversation = messages[0]
        if id_ is not None:
            attributes[semconv.MESSAGE_ID] = id_
        if conversation is not None:
            attributes[semconv.CONVERSATION] = conversation
    if type(place) is DestinationTemplate and place.name:
        attributes[semconv.DESTINATION] = place.name
    if len(messages) == 1:
        return attributes, (), messages[0].origin
    return attributes, [Link(message.origin) for message in messages if message.origin], None


def _add_requeued(attributes: dict[str, Any], client: Client, requeue: bool, messages: Sequence[Unsettled]) -> None:
    attributes[semconv.REQUEUED] = requeue
    known = None if requeue else dead_letters(client.identity, (message.queue for message in messages))
    if known is not None:
        attributes[semconv.DEAD_LETTERS] = known


def _place(messages: Sequence[Unsettled]) -> str | None:
    """Return the one destination of messages, or else the one queue."""
    if len(messages) == 1:
        return messages[0].destination or messages[0].queue
    return _common(message.destination for message in messages) or _common(message.queue for message in messages)


def _common(places: Iterable[str | None]) -> str | None:
    """Return the one place there is, None if there are several."""
    first, *others = [*places] or [None]
    if any(place != first for place in others):
        return None
    if isinstance(first, DestinationTemplate) and any(getattr(one, "name", None) != first.name for one in others):
        return DestinationTemplate(first, None)
    return first
