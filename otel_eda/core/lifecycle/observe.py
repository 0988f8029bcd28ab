"""Shapes of functions that reveal something of a client: seeks, assignments, commits, the declaration of a queue."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from otel_eda.core.clients.assignment import AssignmentChange
from otel_eda.core.clients.dead_letters import note_declared
from otel_eda.core.clients.instances import client_of, existing_client, live_clients
from otel_eda.core.clients.library import SinglePlace
from otel_eda.core.clients.progress import assignment_changed, note_queue_depth
from otel_eda.core.patching.arguments import Arguments
from otel_eda.core.patching.around import Call, around
from otel_eda.core.patching.patch import Proxy
from otel_eda.core.process import per_task
from otel_eda.core.runtime import tasks
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.operations import SETTLE, current_operation, passes_through

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_eda.core.clients.client import Client
    from otel_eda.core.clients.library import Library
    from otel_eda.core.patching.patch import Function, Switch

    Record = Callable[[Client, "ObservedCall"], None]


@dataclass(frozen=True)
class ObservedCall:
    """A call that was observed: the arguments taken, its result, its exception."""

    taken: tuple[Any, ...]
    result: Any
    error: BaseException | None


def seeked(client: Client, call: ObservedCall) -> None:
    """Let the ledger expect any offset next."""
    if call.error is None:
        client.expect_any_offset()


def unreadable(client: Client, call: ObservedCall) -> None:
    """Let the message that a call has pulled be failed, if the call could not make of it what it returns."""
    if call.error is not None:
        per_task.fail_current(client, call.error)


def assigned(read: Callable[..., Any] = list, change: AssignmentChange = AssignmentChange.REPLACE) -> Record:
    """Return what records the partitions of a client; `read` returns tuples that begin with topic and partition."""

    def record(client: Client, call: ObservedCall) -> None:
        if call.error is None:
            assignment_changed(client, change, read(*call.taken))

    return record


def rebalancing(stops: Callable[[Any], bool]) -> Record:
    """Return what begins a client's time without partitions, if `stops` says that a rebalance stops the client."""

    def record(client: Client, call: ObservedCall) -> None:
        if call.error is None and stops(client.instance()):
            client.assignment.suspend()

    return record


def log_start(read: Callable[..., tuple[str, str, int] | None]) -> Record:
    """Return what records where the log of a partition begins; `read` returns topic, partition and offset."""

    def record(client: Client, call: ObservedCall) -> None:
        start = read(*call.taken) if call.error is None else None
        if start is not None:
            client.assignment.starts[start[:2]] = start[2]

    return record


def committed(positions: Callable[[Any], Mapping[tuple[str, str], int]]) -> Record:
    """Return what counts a commit that the application has not called for as automatic.

    The first argument taken holds the offsets, which `positions` reads; the second, if there is one, the outcome.
    """

    def record(client: Client, call: ObservedCall) -> None:
        offsets, *outcome = call.taken
        failure = outcome[0] if outcome and isinstance(outcome[0], BaseException) else call.error
        # Another task's commit may be in progress; but a client without tasks may commit in a thread of its own.
        called_for = current_operation.get().types & SETTLE if tasks.running_task() else client.settle_calls
        if offsets and not called_for:
            client.record_commit(positions(offsets), True, failure)

    return record


def queue_declared(
    read: Callable[[Any], tuple[str, int] | None], dead_letters: Callable[..., bool | None] = lambda *_: None
) -> Record:
    """Return what records what the declaration of a queue tells of it.

    `read` returns its name and the number of messages in it, from the call's result; `dead_letters`, from the arguments
    taken, whether it dead-letters what is refused, or None if the call does not say.
    """

    def record(client: Client, call: ObservedCall) -> None:
        depth = read(call.result) if call.error is None else None
        if depth is None:
            return
        note_queue_depth(client, *depth)
        known = dead_letters(*call.taken)
        if known is not None:
            note_declared(client.identity, depth[0], known)

    return record


@dataclass(frozen=True)
class Observe(SinglePlace):
    """A function, sync or async, of a client or of a part of one, whose calls reveal something that `record` records.

    `part` is the client's attribute on which the function is called, if it is not the client's own; `may_be_first_use`
    says that the call may be the client's first use. Where `callback` names an argument, the result comes to it, and
    a call without one reveals nothing.
    """

    target: str
    record: Record
    takes: tuple[str, ...] = ()
    part: str = ""
    may_be_first_use: bool = False
    callback: str = ""

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:
        """Return the function, after whose calls `record` records what they reveal."""
        arguments = Arguments(original, self.takes, library.signatures)
        if not self.callback:
            return around(original, switch, partial(self._begin, library, arguments))
        callback = Arguments(original, (self.callback,), library.signatures)
        return around(original, switch, partial(self._begin_answered, library, arguments, callback))

    def _begin(
        self, library: Library, arguments: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> _Observation | None:
        return _Observation(args, kwargs, self, library, arguments) if args else None

    def _begin_answered(
        self,
        library: Library,
        arguments: Arguments,
        callbacks: Arguments,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Call | None:
        taken = callbacks.take(args, kwargs) if args else None
        if taken is None or not callable(taken[0]):
            return None
        observation = _Observation(args, kwargs, self, library, arguments)
        return Call(*callbacks.replace(args, kwargs, self.callback, Proxy(taken[0], observation.answered)))

    def client(self, library: Library, part: Any) -> Client | None:
        """Return the client that a call is about, or None if it is not known."""
        if self.part:
            return next(
                (client for client in live_clients() if getattr(client.instance(), self.part, None) is part), None
            )
        return client_of(part, library) if self.may_be_first_use else existing_client(part)


class _Observation(Call):
    """One call that is observed."""

    __slots__ = ("arguments", "library", "shape")

    def __init__(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], shape: Observe, library: Library, arguments: Arguments
    ) -> None:
        super().__init__(args, kwargs)
        self.shape = shape
        self.library = library
        self.arguments = arguments

    def raised(self, error: BaseException) -> None:
        """Report a call that failed."""
        self._report(None, error)

    def returned(self, result: Any) -> Any:
        """Return the result, once the call is reported."""
        self._report(result, None)
        return result

    def answered(self, callback: Function, _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return what the callback returns, once the call is reported with the answer."""
        if self.library.on and args:
            self._report(args[0], None)
        return callback(*args, **kwargs)

    @guarded
    def _report(self, result: Any, error: BaseException | None) -> None:
        if self.library.telemetry.find_scope() is None or (
            self.shape.may_be_first_use and passes_through(self.library.telemetry)
        ):
            return
        client, taken = self.shape.client(self.library, self.args[0]), self.arguments.take(self.args, self.kwargs)
        if client is not None and taken is not None:
            self.shape.record(client, ObservedCall(taken, result, error))


@dataclass(frozen=True)
class Listen(SinglePlace):
    """A call that registers callbacks for changes of a consumer's partitions.

    `changes` says how a call of the callback in each argument changes the assignment; `read` is as with `assigned`. Of
    the arguments that a call does not give, those in `added` get a callback of ours.
    """

    target: str
    changes: Mapping[str, AssignmentChange]
    added: tuple[str, ...]
    read: Callable[..., Any]

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:
        """Return the call, whose callbacks record the change before the application's own run."""
        arguments = Arguments(original, tuple(self.changes), library.signatures)
        return around(original, switch, partial(self._begin, library, arguments))

    def _begin(
        self, library: Library, arguments: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Call | None:
        taken = arguments.take(args, kwargs) if args and not passes_through(library.telemetry) else None
        if taken is None:
            return None
        client = client_of(args[0], library)
        for (name, change), callback in zip(self.changes.items(), taken, strict=True):
            if callable(callback) or (callback is ... and name in self.added):
                ours = self._callback(client, change, None if callback is ... else callback)
                args, kwargs = arguments.replace(args, kwargs, name, ours)
        return Call(args, kwargs)

    def _callback(self, client: Client, change: AssignmentChange, callback: Function | None) -> Function:
        @guarded
        def record(args: tuple[Any, ...]) -> None:
            assignment_changed(client, change, self.read(*args))

        def traced_callback(*args: Any) -> Any:
            record(args)
            return None if callback is None else callback(*args)

        return traced_callback
