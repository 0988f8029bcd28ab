"""Receives: a pulled batch, a loop over messages, one message at a time."""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import Link

from otel_eda.config import config

from . import errors, keys, propagation, turns
from .busy import RECEIVE, busy, idle
from .client import ATTRIBUTE, client_of
from .contexts import current, outside
from .guard import failed, guarded
from .loops import Batch, Generated, Loop, Pull
from .patching import Arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import FrameType

    from opentelemetry.trace import Span, SpanContext

    from .client import Client, Route
    from .library import Library
    from .loops import Polled, Puller
    from .message import Message
    from .patching import Function, Switch, Wrap

    Read = Callable[[Any], Message | None]


@dataclass(frozen=True)
class Receive:
    """A call that pulls a batch; `batches` replaces each list of messages in its result by what a function gives."""

    target: str
    batches: Callable[[Any, Callable[[list[Any]], list[Any]]], None]
    operation: str = "poll"

    def wrap(self, library: Library) -> Wrap:
        """Give what makes the wrapper."""

        def make(original: Function, switch: Switch) -> Function:
            def receive(*args: Any, **kwargs: Any) -> Any:
                if not switch.on or not args or idle(library, 0):
                    return original(*args, **kwargs)
                pull = _begin(library, args[0], self.operation)
                if pull is None:
                    return original(*args, **kwargs)
                if busy.get() & RECEIVE:
                    return self._inner(pull, original, args, kwargs)
                Pull.over(pull.client)
                turns.sweep(pull.client)
                result = pull.call(original, args, kwargs)
                self._received(pull, result)
                return result

            return receive

        return make

    def _inner(self, pull: _Pull, original: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        # Within another pull, that one makes the spans, and this one is what takes the time.
        result = original(*args, **kwargs)
        self._measure(pull, result)
        return result

    @guarded
    def _measure(self, pull: _Pull, result: Any) -> None:
        topics: set[str] = set()

        def look(records: list[Any]) -> list[Any]:
            message = pull.client.library.message(records[0]) if records else None
            topics.update([message.destination] if message else [])
            return records

        self.batches(result, look)
        pull.took(topics.pop() if len(topics) == 1 else None, None)

    @guarded
    def _received(self, pull: _Pull, result: Any) -> None:
        polled: list[Polled] = []

        def keep(records: list[Any]) -> list[Any]:
            read = _read(records, pull.client)
            polled.extend(read.values())
            return Batch(records, pull.client, read)

        self.batches(result, keep)
        pull.received(polled)


def _read(records: list[Any], client: Client) -> dict[int, Polled]:
    read = client.library.message
    messages = ((record, read(record)) for record in records)
    return {id(record): (message, *propagation.extract(message.headers)) for record, message in messages if message}


class _Pull:
    """One pull: its time, its span if it is to have one, its metrics."""

    __slots__ = ("client", "operation", "read", "record", "scope", "start")

    def __init__(self, client: Client, operation: str, read: Read | None = None) -> None:
        self.client = client
        self.read = read or client.library.message
        self.scope = client.scope
        self.operation = operation
        self.record: Any = None
        self.start = time.time_ns()

    def call(self, original: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Pull, and note a failure."""
        entered = busy.set(busy.get() | RECEIVE)
        try:
            return original(*args, **kwargs)
        except StopIteration:
            raise
        except BaseException as error:
            self.failed(error)
            raise
        finally:
            busy.reset(entered)

    @guarded
    def took(self, destination: str | None, error: str | None) -> None:
        """Measure the pull."""
        route = self.client.route(self.operation, "receive", destination)
        taken = max(time.time_ns() - self.start, 0) / 1e9
        self.scope.metrics.operation_duration.record(taken, route.measures(None, error))

    @guarded
    def failed(self, error: BaseException) -> None:
        """Make the span of a pull that raised."""
        route = self.client.route(self.operation, "receive", None)
        span = self._span(route, route.attributes, ())
        kind = errors.record(span, error, "receive")
        span.end()
        self.took(None, kind)

    def received(self, found: list[Polled]) -> None:
        """Make the span of a pull that brought a batch, and count its messages."""
        topics = {message.destination for message, _, _ in found}
        topic = topics.pop() if len(topics) == 1 else None
        self.took(topic, None)
        for (destination, partition), number in Counter(
            [(message.destination, message.partition) for message, _, _ in found]
        ).items():
            self.count(destination, partition, number)
        if found and config().receive_spans != "none":
            route = self.client.route(self.operation, "receive", topic)
            attributes = {**route.attributes, keys.BATCH_COUNT: len(found)}
            partitions = {message.partition for message, _, _ in found}
            if topic is not None and len(partitions) == 1:
                attributes[keys.PARTITION] = partitions.pop()
            self._span(
                route, attributes, [_link(message, origin) for message, _, origin in found if origin is not None]
            ).end()

    def message(self) -> Message | None:
        """Count and read the message that a pull brought; make a span if every pull is to have one."""
        message = self.read(self.record)
        if message is not None:
            self._one(message)
        return message

    def _one(self, message: Message) -> None:
        self.count(message.destination, message.partition)
        if config().receive_spans == "all":
            route = self.client.route(self.operation, "receive", message.destination)
            origin = propagation.extract(message.headers)[1]
            links = [_link(message, origin)] if origin else []
            self._span(route, turns.attributes(route, message), links).end()

    def count(self, destination: str, partition: str | None, number: int = 1) -> None:
        """Count messages."""
        self.client.consumed(self.operation, destination, partition, number)

    def _span(self, route: Route, attributes: dict[str, Any], links: Iterable[Link]) -> Span:
        return self.scope.tracer.start_span(
            route.name, outside(current()), route.kind, attributes, list(links), self.start
        )


@guarded
def _begin(library: Library, instance: Any, operation: str) -> _Pull | None:
    return _Pull(client_of(instance, library), operation)


def _link(message: Message, origin: SpanContext) -> Link:
    attributes: dict[str, str | int] = {}
    if message.partition is not None:
        attributes[keys.PARTITION] = message.partition
    if message.offset is not None:
        attributes[keys.OFFSET] = message.offset
    return Link(origin, attributes)


@dataclass(frozen=True)
class Iterate:
    """An `__iter__` that gives the consumer itself, whose `__next__` pulls one message."""

    target: str
    operation: str = "poll"

    def wrap(self, library: Library) -> Wrap:
        """Give what makes the wrapper."""

        def pull(consumer: Any, client: Client) -> tuple[Any, _Pull | None]:
            # By the consumer's own class, so that a subclass or somebody else's wrapper has its say.
            if idle(library):
                return type(consumer).__next__(consumer), None
            pull = _Pull(client, self.operation)
            client.last = None
            result = pull.call(type(consumer).__next__, (consumer,), {})
            pull.record, client.last = result if client.last is None else client.last, None
            return result, pull

        def make(original: Function, switch: Switch) -> Function:
            def iterate(*args: Any, **kwargs: Any) -> Any:
                result = original(*args, **kwargs)
                if not switch.on or not args or result is not args[0]:
                    return result
                return self._loop(result, library, pull, sys._getframe(1))

            return iterate

        return make

    @staticmethod
    def _loop(consumer: Any, library: Library, pull: Function, frame: FrameType) -> Any:
        try:
            return Loop(consumer, client_of(consumer, library), pull, frame)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is ours
            failed("loop", error)
            return consumer


def _inner(consumer: Any, record: Any) -> Any:
    # Within a loop's pull; a subclass may yet make something else of the record.
    client = consumer.__dict__.get(ATTRIBUTE)
    if client is not None:
        client.last = record
    return record


@dataclass(frozen=True)
class Generate:
    """A call that gives a generator of messages; `reader`, from the client and the arguments, gives what reads one."""

    target: str
    takes: tuple[str, ...]
    reader: Callable[..., Read]
    operation: str = "consume"

    def wrap(self, library: Library) -> Wrap:
        """Give what makes the wrapper."""

        def make(original: Function, switch: Switch) -> Function:
            arguments = Arguments(original, self.takes)

            @guarded
            def generated(result: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
                read = self.reader(args[0], *arguments.read(*args, **kwargs))
                return Generated(result, client_of(args[0], library), self._puller(library, read))

            def generate(*args: Any, **kwargs: Any) -> Any:
                result = original(*args, **kwargs)
                return (generated(result, args, kwargs) if switch.on else None) or result

            return generate

        return make

    def _puller(self, library: Library, read: Read) -> Puller:
        def pull(generator: Any, client: Client) -> tuple[Any, _Pull | None]:
            if idle(library):
                return next(generator), None
            pull = _Pull(client, self.operation, read)
            pull.record = pull.call(next, (generator,), {})
            return pull.record, pull

        return pull


@dataclass(frozen=True)
class PullOne:
    """A call that pulls one message, whose processing lasts until the next pull, commit or close by the same thread.

    `reader`, if there is one, gives what reads the message, from the client and the arguments that `takes` names.
    """

    target: str
    operation: str = "poll"
    takes: tuple[str, ...] = ()
    reader: Callable[..., Read] | None = None

    def wrap(self, library: Library) -> Wrap:
        """Give what makes the wrapper."""

        def make(original: Function, switch: Switch) -> Function:
            arguments = Arguments(original, self.takes) if self.takes else None

            def pull_one(*args: Any, **kwargs: Any) -> Any:
                if switch.on and args and busy.get() & RECEIVE:
                    return _inner(args[0], original(*args, **kwargs))
                if not switch.on or not args or idle(library):
                    return original(*args, **kwargs)
                pull = _begin(library, args[0], self.operation)
                if pull is None:
                    return original(*args, **kwargs)
                Pull.over(pull.client)
                result = pull.call(original, args, kwargs)
                self._pulled(pull, result, arguments, args, kwargs)
                Pull.begin(pull, sys._getframe(1))
                return result

            return pull_one

        return make

    @guarded
    def _pulled(
        self, pull: _Pull, result: Any, arguments: Arguments | None, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        if self.reader is not None and arguments is not None:
            pull.read = self.reader(args[0], *arguments.read(*args, **kwargs))
        pull.record = result
