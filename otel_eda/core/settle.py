"""Settles: offsets committed, messages acknowledged or rejected by the application."""

from __future__ import annotations

import inspect
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry.trace import Link

from otel_eda import semconv

from . import between, errors
from .busy import SETTLE, enter, idle
from .client import given
from .clients import client_of
from .contexts import current, with_span
from .guard import guarded
from .patching import Arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from .busy import Operation
    from .client import Client
    from .library import Library
    from .message import Unsettled
    from .patching import Function, Switch, Wrap
    from .routes import Route


class _Settle:
    """A call, sync or async, that settles; `report`, if the outcome comes later, has it reported to two callbacks."""

    target: str
    takes: tuple[str, ...]
    operation: str
    report: Callable[[Any, Callable[[Any], None], Callable[[BaseException], None]], object] | None = None

    def settling(self, library: Library, instance: Any, taken: tuple[Any, ...]) -> Settling | None:
        """Start the span; None for a call that is none of the application's."""
        raise NotImplementedError

    def wrap(self, library: Library) -> Wrap:
        """Give what makes the wrapper."""

        def make(original: Function, switch: Switch) -> Function:
            arguments = Arguments(original, self.takes, library.signatures)

            def settle(*args: Any, **kwargs: Any) -> Any:
                if not switch.on or idle(library, SETTLE):
                    return original(*args, **kwargs)
                settling = self._start(library, arguments, args, kwargs)
                if settling is None:
                    return original(*args, **kwargs)
                with settling:
                    result = original(*args, **kwargs)
                self._called(settling, result)
                return result

            async def settle_async(*args: Any, **kwargs: Any) -> Any:
                if not switch.on or idle(library, SETTLE):
                    return await original(*args, **kwargs)
                settling = self._start(library, arguments, args, kwargs)
                if settling is None:
                    return await original(*args, **kwargs)
                with settling:
                    result = await original(*args, **kwargs)
                self._called(settling, result)
                return result

            return settle_async if inspect.iscoroutinefunction(original) else settle

        return make

    @guarded
    def _start(
        self, library: Library, arguments: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Settling | None:
        try:
            taken = arguments.read(*args, **kwargs)
        except TypeError:
            return None  # the call is wrong, and the library will say so itself
        return self.settling(library, args[0], taken)

    @guarded
    def _called(self, settling: Settling, result: Any) -> None:
        if result is None and settling.client.listening:
            settling.client.unanswered.append(settling)
        elif self.report is None or result is None:
            settling.done(result)
        else:
            self.report(result, settling.done, settling.failed)


@dataclass(frozen=True)
class Settle(_Settle):
    """A call that commits offsets: `offsets` reads them as `{(destination, partition): offset}`.

    `settled` reads them from the result, where the call need not name them.
    """

    target: str
    takes: tuple[str, ...]
    offsets: Callable[..., Mapping[tuple[str, str], int]]
    report: Callable[[Any, Callable[[Any], None], Callable[[BaseException], None]], object] | None = None
    operation: str = "commit"
    settled: Callable[[Any], Mapping[tuple[str, str], int]] | None = None

    def settling(self, library: Library, instance: Any, taken: tuple[Any, ...]) -> Settling:
        """Start a commit's span, and end the turn of a pull."""
        client = client_of(instance, library)
        settling = _Commit(client, self.operation, self.offsets(instance, *taken), self.settled)
        between.over(client)
        return settling


class Tags(NamedTuple):
    """Which messages a call settles: that of a tag, or all up to it (0: all there are); `requeue` if it says so."""

    tag: int
    multiple: bool = False
    requeue: bool | None = None


@dataclass(frozen=True)
class Acknowledge(_Settle):
    """A call that acknowledges or rejects messages: `tags` reads which, None for one that is not the application's."""

    target: str
    takes: tuple[str, ...]
    tags: Callable[..., Tags | None]
    operation: str = "ack"

    def settling(self, library: Library, instance: Any, taken: tuple[Any, ...]) -> Settling | None:
        """Start the span, linked to where the messages come from, and end the turn of a pull that brought one."""
        tags = self.tags(instance, *taken)
        if tags is None:
            return None
        client = client_of(instance, library)
        found = _unsettled(client, tags)
        settling = _Acknowledgement(client, self.operation, tags, list(found.values()))
        between.settled(client, found)
        return settling


def _unsettled(client: Client, tags: Tags) -> dict[int, Unsettled]:
    waiting = client.unsettled
    if not tags.multiple:
        message = waiting.pop(tags.tag, None)
        return {} if message is None else {tags.tag: message}
    return {tag: waiting.pop(tag) for tag in [tag for tag in list(waiting) if tag <= tags.tag or not tags.tag]}


class Settling:
    """A settlement between its call and the broker's answer."""

    operation: Operation

    def __init__(self, client: Client, route: Route, attributes: Mapping[str, Any], links: Sequence[Link] = ()) -> None:
        self.client = client
        self.scope = client.scope
        self.route = route
        self.start = time.time_ns()
        self.base = current()
        self.span = self.scope.tracer.start_span(
            route.name, self.base, route.kind, {**route.attributes, **attributes}, links, self.start
        )

    def __enter__(self) -> None:
        self.operation = enter(SETTLE)
        self.client.settling += 1

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        self.client.settling -= 1
        self.operation.leave()
        if error is not None:
            self.failed(error)

    @guarded
    def done(self, _: Any) -> None:
        """End: the broker has it."""
        self._end(None)

    @guarded
    def failed(self, error: BaseException) -> None:
        """End with why the broker has not."""
        self._end(error)

    def _end(self, error: BaseException | None) -> None:
        end = time.time_ns()
        context = with_span(self.base, self.span)
        kind = errors.record(self.span, error, "settle", context) if error is not None else None
        self.count(error, kind)
        self.span.end(end)
        taken = max(end - self.start, 0) / 1e9
        self.scope.metrics.operation_duration.record(taken, self.route.measures(None, kind), context)

    def count(self, error: BaseException | None, kind: str | None) -> None:
        """Count what was settled."""
        raise NotImplementedError


class _Commit(Settling):
    """A commit of offsets."""

    def __init__(
        self,
        client: Client,
        operation: str,
        offsets: Mapping[tuple[str, str], int],
        settled: Callable[[Any], Mapping[tuple[str, str], int]] | None,
    ) -> None:
        self.offsets = offsets
        self.settled = settled
        topics = {topic for topic, _ in offsets} or client.delivered
        super().__init__(client, _route(client, operation, topics), _position(offsets))

    @guarded
    def done(self, result: Any) -> None:
        """End: the broker has them, and perhaps says which."""
        if not self.offsets and self.settled is not None and result is not None:
            self.learnt(self.settled(result))
        self._end(None)

    def learnt(self, offsets: Mapping[tuple[str, str], int]) -> None:
        """Note what was committed by a call that did not say so."""
        self.offsets = offsets
        self.span.set_attributes(_position(offsets))

    @guarded
    def count(self, error: BaseException | None, kind: str | None) -> None:  # noqa: ARG002
        """Count and remember the commit."""
        self.span.set_attributes(self.client.committed(self.offsets, automatic=False, error=error))


def _position(offsets: Mapping[tuple[str, str], int]) -> dict[str, Any]:
    if len(offsets) != 1:
        return {}
    (((_, partition), offset),) = offsets.items()
    return {semconv.PARTITION: partition, semconv.COMMITTED: offset}


@guarded
def heard(client: Client, offsets: Mapping[tuple[str, str], int], error: BaseException | None) -> None:
    """Note the answer to a commit: to the first call that waits for such a one, else to none of the application's."""
    for settling in client.unanswered:
        if isinstance(settling, _Commit) and settling.offsets in ({}, offsets):
            client.unanswered.remove(settling)
            settling.learnt(offsets)
            settling.done(None) if error is None else settling.failed(error)
            return
    if offsets:
        client.committed(offsets, automatic=True, error=error)


class _Acknowledgement(Settling):
    """An acknowledgement or rejection of messages."""

    def __init__(self, client: Client, operation: str, tags: Tags, messages: Sequence[Unsettled]) -> None:
        self.number = len(messages) if tags.multiple else 1
        attributes: dict[str, Any] = {semconv.DELIVERY_TAG: tags.tag} if tags.tag else {}
        if tags.requeue is not None:
            attributes[semconv.REQUEUED] = tags.requeue
        if tags.multiple:
            attributes[semconv.BATCH_COUNT] = self.number
        elif messages:
            attributes |= given({semconv.MESSAGE_ID: messages[0].id, semconv.CONVERSATION: messages[0].conversation})
        links = [Link(message.origin) for message in messages if message.origin]
        route = _route(client, operation, {message.destination for message in messages})
        super().__init__(client, route, attributes, links)

    @guarded
    def count(self, error: BaseException | None, kind: str | None) -> None:  # noqa: ARG002
        """Count the messages."""
        self.route.count(self.scope.metrics.settled, None, kind, self.number)


def _route(client: Client, operation: str, destinations: set[str]) -> Route:
    return client.route(operation, "settle", destinations.pop() if len(destinations) == 1 else None)
