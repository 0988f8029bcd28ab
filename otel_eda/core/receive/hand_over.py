"""Frameworks above a client: they pull a message in one place and process it in another."""

from __future__ import annotations

import inspect
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from types import CodeType
from typing import TYPE_CHECKING, Any

from otel_eda.core.clients.library import SinglePlace
from otel_eda.core.patching.arguments import Arguments
from otel_eda.core.patching.around import Call, around
from otel_eda.core.process import hand_over
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.operations import enter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_eda.core.clients.library import Library, Place
    from otel_eda.core.patching.patch import Function, Switch
    from otel_eda.core.process.hand_over import Waiting
    from otel_eda.core.process.processing import Processing


def _itself(record: Any) -> Any:
    return record


@dataclass(frozen=True)
class HandOver:
    """The two places of a framework above a client: `fetch` pulls a message, and a call of `process` processes it.

    `fetch` is a call that returns what stands for the message, or a function in which a loop goes over messages, an
    async generator or a coroutine; `known` gives the object by which a message is known later, from what `fetch`
    returns, or from each message of the loop. `process` has calls, sync or async, with the name of the argument of
    which `of` gives that very object, or a tuple of them for a batch. `declined`, given the arguments, says of a call
    that it leaves its message alone, also where the client itself has called it with the message.
    """

    fetch: str
    process: tuple[tuple[str, str], ...]
    of: Callable[[Any], Any] = _itself
    known: Callable[[Any], Any] = _itself
    declined: Callable[..., bool] | None = None

    def places(self) -> tuple[Place, ...]:
        """Return both."""
        processes = (_Process(target, name, self.of, self.declined) for target, name in self.process)
        return _Fetch(self.fetch, self.known), *processes


@dataclass(frozen=True)
class _Fetch(SinglePlace):
    """The place that pulls."""

    target: str
    known: Callable[[Any], Any]

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:  # noqa: ARG002
        """Return the function, whose pulls begin no processing."""
        generates = inspect.isasyncgenfunction(original)
        if generates or inspect.iscoroutinefunction(original):
            # A loop's frame is what says so, since the tasks that run it come and go.
            hand_over.loops.update(dict.fromkeys(_codes(original.__code__), (self.known, switch)))
        if generates:
            return self._generator(original)
        return around(original, switch, partial(_Fetching, self.known))

    @staticmethod
    def _generator(original: Function) -> Function:
        def generate(*args: Any, **kwargs: Any) -> Any:
            return original(*args, **kwargs)

        return generate


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _codes(inner)


class _Fetching(Call):
    """A call that pulls."""

    __slots__ = ("known", "pulled", "token")

    def __init__(self, known: Callable[[Any], Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        super().__init__(args, kwargs)
        self.known = known
        self.pulled: list[Waiting] = []
        self.token = hand_over.fetching.set(self.pulled)

    def exited(self, error: BaseException | None) -> None:  # noqa: ARG002  # that is the framework's own
        """Let pulls begin processings again."""
        hand_over.fetching.reset(self.token)

    def returned(self, result: Any) -> Any:
        """Let the message wait that the result stands for."""
        self.exited(None)
        if self.pulled and result is not None:
            self._keep(self.pulled[-1], result)
        return result

    @guarded
    def _keep(self, item: Waiting, result: Any) -> None:
        item.keep(self.known(result))


@dataclass(frozen=True)
class _Process(SinglePlace):
    """The place that processes."""

    target: str
    argument: str
    of: Callable[[Any], Any]
    declined: Callable[..., bool] | None

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:  # noqa: ARG002
        """Return the call, with the process span of its message around."""
        return around(original, switch, partial(self._begin, Arguments(original, (self.argument,))))

    def _begin(self, arguments: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        declined = self.declined is not None and self.declined(*args, **kwargs)
        taken = arguments.take(args, kwargs) if hand_over.waiting or declined else None
        if taken is None:
            return None
        known = self.of(taken[0])
        several = known if type(known) is tuple else (known,)
        begun = _begun(args, kwargs, known)
        if declined:
            _leave_alone(several)
        return begun


def _begun(args: tuple[Any, ...], kwargs: dict[str, Any], known: Any) -> Call | None:
    if type(known) is tuple:
        processings = hand_over.begin_batch(known)
        return _BatchProcessing(args, kwargs, processings) if processings else None
    processing = hand_over.begin(known)
    return None if processing is None else _Processing(args, kwargs, processing)


def _leave_alone(messages: tuple[Any, ...]) -> None:
    for processing in hand_over.at_work():
        if any(processing.record is message for message in messages):
            processing.failure = GeneratorExit()


class _Processing(Call):
    """A call that processes a message."""

    __slots__ = ("operation", "processing")

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any], processing: Processing) -> None:
        super().__init__(args, kwargs)
        self.processing = processing
        self.operation = enter(0)  # whoever calls may be within a pull

    def exited(self, error: BaseException | None) -> None:
        """End the processing."""
        self.operation.leave()
        hand_over.end(self.processing, error)


class _BatchProcessing(Call):
    """A call that processes a batch of messages."""

    __slots__ = ("operation", "processings", "token")

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any], processings: tuple[Processing, ...]) -> None:
        super().__init__(args, kwargs)
        self.processings = processings
        self.token = hand_over.batch.set(processings)
        self.operation = enter(0)  # whoever calls may be within a pull

    def exited(self, error: BaseException | None) -> None:
        """End the processings."""
        self.operation.leave()
        self._leave()
        hand_over.end_batch(self.processings, error)

    @guarded
    def _leave(self) -> None:
        with suppress(ValueError):  # an abandoned coroutine is closed in a foreign context, which needs no restoring
            hand_over.batch.reset(self.token)
