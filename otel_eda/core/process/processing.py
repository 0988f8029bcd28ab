"""Process spans around code that no call of ours surrounds: the body of a loop, the time until the next pull."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context, attach, get_current
from opentelemetry.trace import Link

from otel_eda import semconv
from otel_eda.config import config
from otel_eda.core.clients import progress
from otel_eda.core.clients.attributes import described
from otel_eda.core.ledger.account import Fact
from otel_eda.core.message import Unsettled
from otel_eda.core.process import unwinding
from otel_eda.core.propagation import trust
from otel_eda.core.runtime.contexts import EMPTY, SPAN, TURN, current, live, outside, span_in
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.state import on_fork
from otel_eda.core.telemetry import errors

if TYPE_CHECKING:
    from collections.abc import Hashable

    from opentelemetry.trace import Span, SpanContext

    from otel_eda.core.clients.client import Client
    from otel_eda.core.clients.routes import Route
    from otel_eda.core.ledger.account import Account
    from otel_eda.core.message import Message
    from otel_eda.core.propagation.headers import Found


_UNHELD = 2  # references to a message that only its turn holds: the turn's and the question's own

open_turns: dict[int, Turn] = {}
"""Every turn that has not ended, by the identity of its message."""


class Turn:
    """The processing of one message: its span, and the context that was current before it."""

    __slots__ = (
        "account",
        "before",
        "by_hand",
        "called",
        "client",
        "context",
        "done",
        "fact",
        "failure",
        "forgotten",
        "key",
        "left",
        "offset",
        "over_at",
        "partition",
        "record",
        "route",
        "span",
        "stamp",
        "start",
        "tag",
    )

    client: Client
    route: Route
    record: Any
    span: Span
    before: Context
    context: Context
    start: int
    stamp: int | None
    over_at: int
    partition: str | None
    done: bool
    by_hand: bool
    called: bool
    failure: BaseException | None
    forgotten: bool
    left: bool
    tag: int | None
    account: Account | None
    offset: int
    key: Hashable
    fact: Fact | None

    @guarded
    def end(self, error: BaseException | None = None, at: int | None = None) -> None:
        """End it, and let no failure of that reach who asks for it."""
        self.finish(error, at)

    def finish(self, error: BaseException | None = None, at: int | None = None) -> None:
        """End the span, as failed or abandoned (`GeneratorExit`) with an error; the context before it is back."""
        if self.done:
            return
        self.done = True
        if open_turns.get(id(self.record)) is self:
            del open_turns[id(self.record)]
        self._bring_back()
        if self.forgotten:
            return
        end = at or time.time_ns()
        if self.failure is not None and (error is None or isinstance(error, unwinding.UnknownError)):
            error = self.failure
        kind = self._fail(error) if error is not None else None
        fact = self.account.end(self.offset, error is None) if self.account is not None else None
        if fact is not None:
            self.route.told(fact, self.partition)
            self.span.set_attribute(semconv.LOST, fact is Fact.SKIPPED)
        self.span.end(end)
        if self.route.scope.measured:
            self._measure(end, kind)
        self.record = self.failure = None
        if self.left or not self.by_hand:  # else the loop that began it has yet to leave it
            self.context = EMPTY  # it holds this turn, and such a cycle would wait for the garbage collector

    def _measure(self, end: int, kind: str | None) -> None:
        measures, metrics = self.route.measures(self.partition, kind), self.route.scope.metrics
        metrics.process_duration.record(max(end - self.start, 0) / 1e9, measures, self.context)
        if self.stamp is not None:
            metrics.message_age.record(max(end / 1e9 - self.stamp / 1e3, 0.0), measures, self.context)

    def fail(self, error: BaseException | None) -> None:
        """End the span, unless somebody processes the message by hand."""
        if not self.by_hand:
            self.end(error)

    def take(self) -> None:
        """Have it ended by whoever processes its message by hand, beginning now."""
        self.by_hand = self.client.by_hand = True
        if self.over_at:  # its loop has gone on meanwhile: until now it has waited for a worker
            now = time.time_ns()
            self.span.set_attribute(semconv.WAITED, max(now - self.start, 0) / 1e9)
            self.start = now
        if self.account is not None and self.key is not None and self.fact is None:
            fact = self.account.take(self.offset, self.key)
            if fact is not None:
                self.route.told(fact, self.partition)
                self.span.set_attributes(_FACTS[fact])

    def enter(self) -> None:
        """Make its context current again, if it is not."""
        if not self.done and get_current() is not self.context:
            self.before, self.left = current(), False
            attach(self.context)

    def leave(self) -> None:
        """Bring back the context from before, unless somebody made another one current meanwhile."""
        self._bring_back()
        self.left = True
        if self.done:
            self.context = EMPTY

    def _bring_back(self) -> None:
        if get_current() is self.context:
            attach(live(self.before) if TURN in self.before else self.before)

    def _fail(self, error: BaseException) -> str | None:
        if isinstance(error, GeneratorExit):
            self.span.set_attribute(semconv.ABANDONED, True)
            return None
        if isinstance(error, unwinding.UnknownError):
            errors.mark(self.span, semconv.OTHER, "an exception left the loop's body")
            return semconv.OTHER
        return errors.record(self.span, error, "process", self.context)

    @property
    def held(self) -> bool:
        """Whether anybody else holds the message, and so may yet process it by hand."""
        return sys.getrefcount(self.record) > _UNHELD

    def forget(self) -> None:
        """Leave the span to be ended by another process, which this one was forked from."""
        self.forgotten = True


def begin(client: Client, record: Any, message: Message, found: Found | None = None, by_hand: bool = False) -> Turn:
    """Start processing a message: its span is current from now on."""
    before = base = get_current()
    if TURN in before:
        before = live(before)
        base = before if by_hand else outside(before)
    carried, origin = found or trust.accepted(message)
    context = (Context({**base, **carried}) if base else carried) if carried else base
    route = client.route("process", "process", message.destination)
    turn = Turn()
    turn.client, turn.route, turn.before = client, route, before
    turn.by_hand = turn.left = by_hand
    turn.record = record = record if message.record is None else message.record
    turn.tag, turn.stamp, turn.partition = message.tag, message.timestamp, message.partition
    turn.done = turn.forgotten = turn.called = False
    turn.failure = turn.account = turn.fact = None
    turn.over_at = 0
    turn.start = time.time_ns()
    if message.unsettled and message.tag is not None:
        client.expect(message.tag, Unsettled(message.destination, origin, message.id, message.conversation))
    made = described(route.attributes, message)
    if message.offset is not None and message.partition is not None:
        # What was polled before, and what is processed by hand, comes in any order.
        _book(turn, message, made, 0 if by_hand or found else client.epoch)
    turn.span = route.scope.tracer.start_span(
        route.name,
        _parent(base, context, origin if SPAN in carried else None),
        route.kind,
        made,
        (Link(origin),) if origin else (),
        turn.start,
    )
    turn.context = Context({**context, SPAN: turn.span, TURN: turn})
    open_turns[id(record)] = turn
    if message.timestamp is not None and route.scope.measures(turn.start):
        _queued(turn, message.timestamp)
    if (message.redelivered or message.attributes) and not by_hand:
        _again(client, route, message)
    attach(turn.context)
    return turn


def _book(turn: Turn, message: Message, made: dict[str, Any], epoch: int) -> None:
    partition, offset, key = message.partition, message.offset, message.key
    if partition is None or offset is None:
        return
    turn.offset = offset
    turn.key = hash(key) if config().capture_key != "off" and type(key) in {bytes, str} else None
    turn.account = turn.route.account(partition)
    turn.fact = fact = turn.account.begin(offset, epoch, turn.key)
    # By hand nothing is delivered anew.
    if fact is not None and (fact is Fact.OUT_OF_ORDER or not turn.by_hand):
        turn.route.told(fact, partition)
        made.update(_FACTS[fact])


_FACTS = {
    Fact.REDELIVERED: {semconv.REDELIVERED: True},
    Fact.REPROCESSED: {semconv.REDELIVERED: True, semconv.REPROCESSED: True},
    Fact.OUT_OF_ORDER: {semconv.MISORDERED: True},
}


def _parent(base: Context, context: Context, origin: SpanContext | None) -> Context:
    rule = config().process_parent
    if rule in {"auto", "ambient"} and SPAN in base and span_in(base).is_recording():
        return base
    if rule in {"auto", "producer"} and origin is not None:
        return context
    return EMPTY


def _queued(turn: Turn, stamp: int) -> None:
    route = turn.route
    route.stamps[turn.partition] = stamp
    waited = max(turn.start / 1e9 - stamp / 1e3, 0.0)
    route.scope.metrics.queue_duration.record(waited, route.measures(turn.partition), turn.context)


def _again(client: Client, route: Route, message: Message) -> None:
    # What the broker tells; of offsets the ledger knows better.
    if message.remaining is not None:
        progress.note(client, message.destination, message.remaining)
    if message.redelivered:
        route.told(Fact.REDELIVERED, message.partition)
    elif message.attributes and semconv.DEATHS in message.attributes:
        route.count(route.scope.metrics.dead_lettered, message.partition)


@on_fork
def forget_all() -> None:
    """Drop every open turn, in a forked child: its parent ends them."""
    for turn in open_turns.values():
        turn.forget()
    open_turns.clear()
