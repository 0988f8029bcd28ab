"""Shapes of loops over a consumer, and over a generator of messages."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import wrapt

from otel_eda.core.clients.instances import client_of
from otel_eda.core.clients.library import SinglePlace
from otel_eda.core.patching.arguments import Arguments
from otel_eda.core.patching.around import around
from otel_eda.core.patching.patch import originals
from otel_eda.core.process import per_task
from otel_eda.core.process.loops import TracedAsyncIterator, TracedGenerator, TracedIterator
from otel_eda.core.receive.receiving import Pull, Receiving
from otel_eda.core.runtime.frames import caller
from otel_eda.core.runtime.guard import failed, guarded
from otel_eda.core.runtime.operations import RECEIVE, current_operation, enter, passes_through

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from otel_eda.core.clients.client import Client
    from otel_eda.core.clients.library import Library, Place
    from otel_eda.core.patching.patch import Function, Switch
    from otel_eda.core.process.loops import Puller
    from otel_eda.core.receive.receiving import Read


@dataclass(frozen=True)
class Iterate:
    """An `__iter__` or `__aiter__` whose result, often the consumer itself, pulls one message at each step.

    `reader`, if given, returns what reads the messages, from the consumer; `timed` is as with `ReceiveOne`.
    If a pull runs code of the application's for a message, the library says in a call that the message has arrived:
    `arrival` is that call, and its arguments that are the consumer and what `message` reads.
    """

    target: str
    operation: str = "poll"
    reader: Callable[[Any], Read] | None = None
    timed: bool = False
    arrival: tuple[str, str, str] | None = None

    def places(self) -> tuple[Place, ...]:
        """Return the place, and that of the arrival if there is one."""
        return (self,) if self.arrival is None else (self, _Arrival(*self.arrival, self.operation))

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:
        """Return the call, whose iterator has a process span around each pass of the loop."""
        is_async = self.target.endswith(".__aiter__")
        kind, pull = (TracedAsyncIterator, self._pull_async) if is_async else (TracedIterator, self._pull)

        def iterate(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            return loop(result, args[0], caller()) if switch.on and args else result

        def loop(result: Any, consumer: Any, frame: FrameType | None) -> Any:
            try:
                read = self.reader(consumer) if self.reader is not None else library.message
                return kind(result, client_of(consumer, library), functools.partial(pull, library, read), frame)
            except Exception as error:  # noqa: BLE001  # it is a failure of ours
                failed("core.receive.iterate.Iterate", error)
                return result

        return iterate

    # Called on the consumer's own class, so that a subclass or somebody else's wrapper takes part.
    def _pull(self, library: Library, read: Read, consumer: Any, client: Client) -> tuple[Any, Pull | None]:
        step = type(consumer).__next__
        step = originals.get(step, step)  # our wrapper would only find that this is an inner call
        if passes_through(library.telemetry):
            return step(consumer), None
        pull = self._timed(client, consumer, read) if self.timed else Pull(client, self.operation, read)
        pull.operation = enter(pull.types)
        try:
            result = step(consumer)
        except BaseException as error:
            pull.raised(error)
            raise
        return result, pull.pulled(result)

    # One coroutine for all that a step does: each more has its price.
    async def _pull_async(
        self, _: Library, read: Read, consumer: Any, client: Client, iterator: TracedAsyncIterator
    ) -> Any:
        loop = iterator._self_loop
        pull = self._timed(client, consumer, read) if self.timed else Pull(client, self.operation, read)
        pull.operation = enter(pull.types)
        try:
            result = await type(consumer).__anext__(consumer)
        except BaseException as error:
            pull.raised(error)
            if self.arrival is not None:
                per_task.fail_current(client, error)
            loop.stop_following()
            raise
        pull.pulled(result)
        begun = None if self.arrival is None else per_task.release_current(client)
        loop.begin_pulled(begun or pull)
        return result

    def _timed(self, client: Client, consumer: Any, read: Read) -> Pull:
        return Receiving(client, consumer, self.operation, read, timed=True)


@dataclass(frozen=True)
class _Arrival(SinglePlace):
    """The call within a pull that says that a message has arrived."""

    target: str
    consumer: str
    message: str
    operation: str

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:
        """Return the call, after which the message is in processing."""
        arguments = Arguments(original, (self.consumer, self.message))
        return around(original, switch, functools.partial(self._begin, library, arguments))

    def _begin(self, library: Library, arguments: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        taken = None if passes_through(library.telemetry) else arguments.take(args, kwargs)
        if taken is None or not current_operation.get().types & RECEIVE:
            return  # nobody pulls in a loop that we know
        client = client_of(taken[0], library)
        receiving = Receiving(client, taken[0], self.operation)
        receiving.record = taken[1]
        per_task.finish_current(client)
        per_task.begin_current(receiving, None)


class _BoundGeneratorFunction(wrapt.BoundFunctionWrapper):  # type: ignore[type-arg]  # wrapt 1 has no parameters
    """The bound form of such a function, which pickles by name as functions do."""

    def __reduce_ex__(self, _: Any) -> tuple[Any, ...]:
        from pkgutil import resolve_name

        function = self.__wrapped__
        return resolve_name, (f"{function.__module__}:{function.__qualname__}",)  # functions are pickled by name


class _GeneratorFunction(wrapt.FunctionWrapper):  # type: ignore[type-arg]  # wrapt 1 has no parameters
    """A proxy that remains a generator function to whoever inspects it."""

    __bound_function_wrapper__ = _BoundGeneratorFunction


@dataclass(frozen=True)
class Generate(SinglePlace):
    """A call that returns a generator of messages.

    `reader`, from the client and the arguments that `takes` names, returns what reads one message.
    """

    target: str
    takes: tuple[str, ...]
    reader: Callable[..., Read]
    operation: str = "consume"

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:
        """Return the call, whose generator has a process span for each message."""
        arguments = Arguments(original, self.takes)

        @guarded
        def generated(result: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            taken = arguments.take(args, kwargs)
            if taken is None:
                return None
            read = self.reader(args[0], *taken)
            return TracedGenerator(result, client_of(args[0], library), self._puller(library, read))

        def generate(function: Function, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            result = function(*args, **kwargs)
            return (generated(result, (instance, *args), kwargs) if switch.on else None) or result

        return _GeneratorFunction(original, generate)

    def _puller(self, library: Library, read: Read) -> Puller:
        def pull(generator: Any, client: Client) -> tuple[Any, Pull | None]:
            if passes_through(library.telemetry):
                return next(generator), None
            pulled = Pull(client, self.operation, read)
            pulled.operation = enter(pulled.types)
            try:
                result = next(generator)
            except BaseException as error:
                pulled.raised(error)
                raise
            return result, pulled.pulled(result)

        return pull
