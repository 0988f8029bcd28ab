"""What happens to a client in between: seeks, assignments, commits, answers that tell of a queue."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from otel_eda.core.clients.assignment import AssignmentChange
from otel_eda.core.clients.instances import client_of, existing_client, live_clients
from otel_eda.core.clients.library import SinglePlace
from otel_eda.core.clients.progress import assignment_changed, note_queue_depth
from otel_eda.core.patching.arguments import Arguments
from otel_eda.core.patching.around import Call, around
from otel_eda.core.runtime import tasks
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.operations import SETTLE, current_operation, passes_through

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_eda.core.clients.client import Client
    from otel_eda.core.clients.library import Library
    from otel_eda.core.patching.patch import Function, Switch

    Tells = Callable[[Client, "ObservedCall"], None]


@dataclass(frozen=True)
class ObservedCall:
    """A call that was observed: the arguments taken, what it returned, and what it raised."""

    taken: tuple[Any, ...]
    result: Any
    error: BaseException | None


def seeked(client: Client, call: ObservedCall) -> None:
    """Have the ledger expect any offset next."""
    if call.error is None:
        client.expect_any_offset()


def assigned(read: Callable[..., Any] = list, change: AssignmentChange = AssignmentChange.REPLACE) -> Tells:
    """Return what tells which partitions a client has; `read` gives tuples that begin with topic and partition."""

    def tell(client: Client, call: ObservedCall) -> None:
        if call.error is None:
            assignment_changed(client, change, read(*call.taken))

    return tell


def rebalancing(stops: Callable[[Any], bool]) -> Tells:
    """Return what begins the time without partitions of a client that `stops` until they are assigned anew."""

    def tell(client: Client, call: ObservedCall) -> None:
        if call.error is None and stops(client.instance()):
            client.assignment.suspend()

    return tell


def log_start(read: Callable[..., tuple[str, str, int] | None]) -> Tells:
    """Return what keeps where a log begins; `read` gives topic, partition and that."""

    def tell(client: Client, call: ObservedCall) -> None:
        found = read(*call.taken) if call.error is None else None
        if found is not None:
            client.assignment.starts[found[:2]] = found[2]

    return tell


def committed(positions: Callable[[Any], Mapping[tuple[str, str], int]]) -> Tells:
    """Return what counts a commit that the application has not called for as automatic.

    The first argument taken has the offsets, which `positions` reads, the second, where there is one, the outcome.
    """

    def tell(client: Client, call: ObservedCall) -> None:
        offsets, *outcome = call.taken
        failure = outcome[0] if outcome and isinstance(outcome[0], BaseException) else call.error
        # Commits of other tasks may go on meanwhile; but a client without tasks may commit in a thread of its own.
        called_for = current_operation.get().types & SETTLE if tasks.running_task() else client.settle_calls
        if offsets and not called_for:
            client.record_commit(positions(offsets), True, failure)

    return tell


def queue_depth(read: Callable[[Any], tuple[str, int] | None]) -> Tells:
    """Return what notes how many messages wait in a queue; `read` gives its name and that, from the call's result."""

    def tell(client: Client, call: ObservedCall) -> None:
        found = read(call.result) if call.error is None else None
        if found is not None:
            note_queue_depth(client, *found)

    return tell


@dataclass(frozen=True)
class Observe(SinglePlace):
    """A function, sync or async, of a client or of a part of one, that is called for what it `tells` of the client.

    `part` is the client's attribute if the function is not the client's own; `first` says that it may be the first
    that is note_arrival of a client.
    """

    target: str
    tells: Tells
    takes: tuple[str, ...] = ()
    part: str = ""
    first: bool = False

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:
        """Return the function, which tells us when it has been called."""
        arguments = Arguments(original, self.takes, library.signatures)
        return around(original, switch, partial(self._begin, library, arguments))

    def _begin(
        self, library: Library, arguments: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> _Observation | None:
        return _Observation(args, kwargs, self, library, arguments) if args else None

    def client(self, library: Library, part: Any) -> Client | None:
        """Return the client that the function is of, None for one that is not known."""
        if self.part:
            return next(
                (client for client in live_clients() if getattr(client.instance(), self.part, None) is part), None
            )
        return client_of(part, library) if self.first else existing_client(part)


class _Observation(Call):
    """A call that is observed."""

    __slots__ = ("arguments", "library", "shape")

    def __init__(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], shape: Observe, library: Library, arguments: Arguments
    ) -> None:
        super().__init__(args, kwargs)
        self.shape = shape
        self.library = library
        self.arguments = arguments

    def left(self, error: BaseException | None) -> None:
        """Tell of a call that failed."""
        if error is not None:
            self._report(None, error)

    def returned(self, result: Any) -> Any:
        """Tell of a call that did not."""
        self._report(result, None)
        return result

    @guarded
    def _report(self, result: Any, error: BaseException | None) -> None:
        if self.library.telemetry.find_scope() is None or (self.shape.first and passes_through(self.library.telemetry)):
            return
        client, taken = self.shape.client(self.library, self.args[0]), self.arguments.take(self.args, self.kwargs)
        if client is not None and taken is not None:
            self.shape.tells(client, ObservedCall(taken, result, error))


@dataclass(frozen=True)
class Listen(SinglePlace):
    """A call that registers callbacks for changes of what a client reads.

    `changes` says how what each of its arguments is called for changes the assignment; `read` is as with `assigned`. Of
    the arguments that are not given, those in `added` get a callback that only we know of.
    """

    target: str
    changes: Mapping[str, AssignmentChange]
    added: tuple[str, ...]
    read: Callable[..., Any]

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:
        """Return the call, whose callbacks tell us first."""
        arguments = Arguments(original, tuple(self.changes), library.signatures)
        return around(original, switch, partial(self._begin, library, arguments))

    @guarded
    def _begin(
        self, library: Library, arguments: Arguments, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Call | None:
        taken = arguments.take(args, kwargs) if args and not passes_through(library.telemetry) else None
        if taken is None:
            return None
        client = client_of(args[0], library)
        for (name, change), theirs in zip(self.changes.items(), taken, strict=True):
            if callable(theirs) or (theirs is ... and name in self.added):
                ours = self._callback(client, change, None if theirs is ... else theirs)
                args, kwargs = arguments.replace(args, kwargs, name, ours)
        return Call(args, kwargs)

    def _callback(self, client: Client, change: AssignmentChange, theirs: Function | None) -> Function:
        @guarded
        def note(told: tuple[Any, ...]) -> None:
            assignment_changed(client, change, self.read(*told))

        def happened(*told: Any) -> Any:
            note(told)
            return None if theirs is None else theirs(*told)

        return happened
