"""Receives: a pulled batch, a loop over messages, one message at a time."""

from __future__ import annotations

import functools
import inspect
import sys
import time
from asyncio import CancelledError
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import wrapt
from opentelemetry.trace import Link

from otel_eda.config import config

from . import bodies, errors, keys, privacy, turns
from .busy import RECEIVE, busy, enter, idle
from .client import client_of
from .contexts import current, outside
from .guard import failed, guarded
from .loops import AsyncLoop, Batch, Generated, Loop, Pull
from .patching import Arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType, TracebackType

    from opentelemetry.trace import Span, SpanContext

    from .busy import Operation
    from .client import Client, Route
    from .library import Library
    from .loops import Polled, Puller
    from .message import Message
    from .patching import Function, Switch, Wrap

    Read = Callable[[Any], Message | None]

_NO_FAILURE = (StopIteration, StopAsyncIteration, CancelledError, GeneratorExit)


@dataclass(frozen=True)
class Receive:
    """A call, sync or async, that pulls a batch.

    `batches` gives its result with each list of messages replaced by what a function gives.
    """

    target: str
    batches: Callable[[Any, Callable[[list[Any]], list[Any]]], Any]
    operation: str = "poll"

    def wrap(self, library: Library) -> Wrap:
        """Give what makes the wrapper."""

        def make(original: Function, switch: Switch) -> Function:
            def receive(*args: Any, **kwargs: Any) -> Any:
                pull = self._begin(library, args) if switch.on else None
                if pull is None:
                    return original(*args, **kwargs)
                with pull:
                    result = original(*args, **kwargs)
                return self._received(pull, result) or result

            async def receive_async(*args: Any, **kwargs: Any) -> Any:
                pull = self._begin(library, args) if switch.on else None
                if pull is None:
                    return await original(*args, **kwargs)
                with pull:
                    result = await original(*args, **kwargs)
                return self._received(pull, result) or result

            return receive_async if inspect.iscoroutinefunction(original) else receive

        return make

    @guarded
    def _begin(self, library: Library, args: tuple[Any, ...]) -> _Pull | None:
        if not args or idle(library):
            return None
        pull = _Pull(client_of(args[0], library), args[0], self.operation)
        if not pull.inner:
            Pull.over(pull.client)
            turns.sweep(pull.client)
        return pull

    def _measure(self, pull: _Pull, result: Any) -> None:
        # Within another pull, that one makes the spans, and this one is what takes the time.
        topics: set[str] = set()

        def look(records: list[Any]) -> list[Any]:
            message = pull.client.library.message(records[0]) if records else None
            topics.update([message.destination] if message else [])
            return records

        self.batches(result, look)
        pull.took(topics.pop() if len(topics) == 1 else None, None)

    @guarded
    def _received(self, pull: _Pull, result: Any) -> Any:
        if pull.inner:
            self._measure(pull, result)
            return None
        polled: list[Polled] = []

        def keep(records: list[Any]) -> list[Any]:
            read = _read(records, pull.client)
            polled.extend(read.values())
            return Batch(records, pull.client, read)

        kept = self.batches(result, keep)
        pull.received(polled)
        return kept


def _read(records: list[Any], client: Client) -> dict[int, Polled]:
    read = client.library.message
    messages = ((record, read(record)) for record in records)
    return {id(record): (message, *privacy.accepted(message)) for record, message in messages if message}


class _Pull:
    """One pull: its time, its span if it is to have one, its metrics."""

    __slots__ = ("client", "consumer", "inner", "operation", "read", "record", "scope", "start", "timed", "within")

    def __init__(
        self, client: Client, consumer: Any, operation: str, read: Read | None = None, timed: bool = False
    ) -> None:
        self.client = client
        self.consumer = consumer
        self.read = read or client.library.message
        self.scope = client.scope
        self.operation = operation
        self.record: Any = None
        self.inner = bool(busy.get().types & RECEIVE)
        self.timed = timed
        self.start = time.time_ns()

    def __enter__(self) -> Operation:
        self.within = enter(RECEIVE)
        return self.within

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        self.within.leave()
        if error is not None:
            self.ended(error)

    @guarded
    def ended(self, error: BaseException) -> None:
        """Note an exception, if it tells of a failure."""
        if not self.inner and not isinstance(error, _NO_FAILURE) and not self.client.library.empty(error):
            self.failed(error)

    @guarded
    def took(self, destination: str | None, error: str | None) -> None:
        """Measure the pull."""
        route = self.client.route(self.operation, "receive", destination)
        end = max(time.time_ns(), self.start)
        self.client.polled(self.consumer, self.start, end)
        self.scope.metrics.operation_duration.record((end - self.start) / 1e9, route.measures(None, error))

    @guarded
    def failed(self, error: BaseException) -> None:
        """Make the span of a pull that raised."""
        self.consumer = None  # it may be closed: then it is not to be asked how far it is
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
        places: dict[tuple[str, str | None], list[int | None]] = {}
        for message, _, _ in found:
            places.setdefault((message.destination, message.partition), []).append(message.offset)
        for (destination, partition), offsets in places.items():
            self.count(destination, partition, len(offsets))
            self.client.brought(destination, partition, [offset for offset in offsets if offset is not None])
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
        if self.timed:
            self.took(message.destination if message else None, None)
        if message is not None:
            self._one(message)
        return message

    def _one(self, message: Message) -> None:
        self.count(message.destination, message.partition)
        if config().receive_spans == "all":
            route = self.client.route(self.operation, "receive", message.destination)
            origin = privacy.accepted(message)[1]
            links = [_link(message, origin)] if origin else []
            self._span(route, turns.attributes(route, message), links).end()

    def count(self, destination: str, partition: str | None, number: int = 1) -> None:
        """Count messages."""
        self.client.consumed(self.operation, destination, partition, number)

    def _span(self, route: Route, attributes: dict[str, Any], links: Iterable[Link]) -> Span:
        return self.scope.tracer.start_span(
            route.name, outside(current()), route.kind, attributes, list(links), self.start
        )


def _link(message: Message, origin: SpanContext) -> Link:
    attributes: dict[str, str | int] = {}
    if message.partition is not None:
        attributes[keys.PARTITION] = message.partition
    if message.offset is not None:
        attributes[keys.OFFSET] = message.offset
    return Link(origin, attributes)


@dataclass(frozen=True)
class Iterate:
    """An `__iter__` that gives the consumer itself, or another object, whose `__next__` pulls one message.

    Or an `__aiter__` likewise. `reader`, if there is one, gives what reads the messages, from the consumer; `timed` is
    as with `PullOne`.
    """

    target: str
    operation: str = "poll"
    reader: Callable[[Any], Read] | None = None
    timed: bool = False

    def wrap(self, library: Library) -> Wrap:
        """Give what makes the wrapper."""
        is_async = self.target.endswith(".__aiter__")
        kind, pull = (AsyncLoop, self._pull_async) if is_async else (Loop, self._pull)

        def make(original: Function, switch: Switch) -> Function:
            def iterate(*args: Any, **kwargs: Any) -> Any:
                result = original(*args, **kwargs)
                if not switch.on or not args:
                    return result
                try:
                    read = self.reader(args[0]) if self.reader is not None else library.message
                    puller = functools.partial(pull, library, read)
                    return kind(result, client_of(args[0], library), puller, sys._getframe(1))
                except Exception as error:  # noqa: BLE001  # whatever it is, it is ours
                    failed("loop", error)
                    return result

            return iterate

        return make

    # By the consumer's own class, so that a subclass or somebody else's wrapper has its say.
    def _pull(self, library: Library, read: Read, consumer: Any, client: Client) -> tuple[Any, _Pull | None]:
        if idle(library):
            return type(consumer).__next__(consumer), None
        pull = _Pull(client, consumer, self.operation, read, self.timed)
        with pull as within:
            result = type(consumer).__next__(consumer)
        pull.record = result if within.record is None else within.record
        return result, pull

    async def _pull_async(
        self, library: Library, read: Read, consumer: Any, client: Client
    ) -> tuple[Any, _Pull | None]:
        if idle(library):
            return await type(consumer).__anext__(consumer), None
        pull = _Pull(client, consumer, self.operation, read, self.timed)
        with pull as within:
            result = await type(consumer).__anext__(consumer)
        pull.record = result if within.record is None else within.record
        return result, pull


def awaiting(frame: FrameType) -> FrameType | None:
    """Give a frame if it is one that awaits."""
    # Beneath a coroutine is what awaits it, or, if that is a task, what runs all tasks.
    return frame if frame.f_code.co_flags & bodies.SUSPENDABLE else None


def _noted(record: Any) -> Any:
    within = busy.get()
    if within.types & RECEIVE:
        within.record = record  # a loop's pull; a subclass may yet make something else of the record
    return record


class _Looked(wrapt.BoundFunctionWrapper):  # type: ignore[type-arg]  # wrapt 1 has no parameters
    def __reduce_ex__(self, _: Any) -> tuple[Any, ...]:
        from pkgutil import resolve_name

        function = self.__wrapped__
        return resolve_name, (f"{function.__module__}:{function.__qualname__}",)  # functions are pickled by name


class _GeneratorFunction(wrapt.FunctionWrapper):  # type: ignore[type-arg]  # wrapt 1 has no parameters
    """What still is a generator function to everyone who looks."""

    __bound_function_wrapper__ = _Looked


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

            def generate(function: Function, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
                result = function(*args, **kwargs)
                return (generated(result, (instance, *args), kwargs) if switch.on else None) or result

            return _GeneratorFunction(original, generate)

        return make

    def _puller(self, library: Library, read: Read) -> Puller:
        def pull(generator: Any, client: Client) -> tuple[Any, _Pull | None]:
            if idle(library):
                return next(generator), None
            pull = _Pull(client, None, self.operation, read)
            with pull:
                pull.record = next(generator)
            return pull.record, pull

        return pull


@dataclass(frozen=True)
class PullOne:
    """A call, sync or async, that pulls one message.

    Its processing lasts until the next pull, commit or close by the same task, or, without one, the same thread.
    `reader`, if there is one, gives what reads the message, from the client and the arguments that `takes` names. The
    call is not `timed` where a pull inside of it is.
    """

    target: str
    operation: str = "poll"
    takes: tuple[str, ...] = ()
    reader: Callable[..., Read] | None = None
    timed: bool = True

    def wrap(self, library: Library) -> Wrap:
        """Give what makes the wrapper."""

        def make(original: Function, switch: Switch) -> Function:
            arguments = Arguments(original, self.takes) if self.takes else None

            def pull_one(*args: Any, **kwargs: Any) -> Any:
                pull = self._begin(library, arguments, args, kwargs) if switch.on else None
                if pull is None:
                    return _noted(original(*args, **kwargs))
                with pull:
                    pull.record = original(*args, **kwargs)
                Pull.begin(pull, sys._getframe(1))
                return pull.record

            async def pull_one_async(*args: Any, **kwargs: Any) -> Any:
                pull = self._begin(library, arguments, args, kwargs) if switch.on else None
                if pull is None:
                    return _noted(await original(*args, **kwargs))
                with pull:
                    pull.record = await original(*args, **kwargs)
                Pull.begin(pull, awaiting(sys._getframe(1)))
                return pull.record

            return pull_one_async if inspect.iscoroutinefunction(original) else pull_one

        return make

    @guarded
    def _begin(
        self, library: Library, arguments: Arguments | None, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> _Pull | None:
        if not args or idle(library, RECEIVE):
            return None
        pull = _Pull(client_of(args[0], library), args[0], self.operation, timed=self.timed)
        if self.reader is not None and arguments is not None:
            with suppress(TypeError):  # the call is wrong, and the library will say so itself
                pull.read = self.reader(args[0], *arguments.read(*args, **kwargs))
        Pull.over(pull.client)
        return pull
