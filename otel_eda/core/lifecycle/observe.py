"""What happens to a client in between: seeks, assignments, commits."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_eda.core.clients.assignment import Extent
from otel_eda.core.clients.instances import alive, client_of, known
from otel_eda.core.clients.progress import changed, note
from otel_eda.core.patching.arguments import Arguments
from otel_eda.core.runtime import tasks
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.operations import SETTLE, busy, idle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_eda.core.clients.client import Client
    from otel_eda.core.clients.library import Library
    from otel_eda.core.patching.patch import Function, Switch, Wrap


class _Observe:
    """A function, sync or async, of a client or of a part of one, that is called for what it tells us."""

    takes: tuple[str, ...]
    part: str

    def note(self, client: Client, taken: tuple[Any, ...], error: BaseException | None) -> None:
        """Note a call with these arguments, and what it raised."""
        raise NotImplementedError

    def wrap(self, library: Library) -> Wrap:
        """Give what makes the wrapper."""

        def make(original: Function, switch: Switch) -> Function:
            arguments = Arguments(original, self.takes, library.signatures)

            @guarded
            def note(args: tuple[Any, ...], kwargs: Mapping[str, Any], error: BaseException | None) -> None:
                client = self._whole(args[0]) if switch.on and library.telemetry.look() is not None else None
                if client is not None:
                    self.note(client, arguments.read(*args, **kwargs), error)

            def observe(*args: Any, **kwargs: Any) -> Any:
                try:
                    result = original(*args, **kwargs)
                except BaseException as error:
                    note(args, kwargs, error)
                    raise
                note(args, kwargs, None)
                return result

            async def observe_async(*args: Any, **kwargs: Any) -> Any:
                try:
                    result = await original(*args, **kwargs)
                except BaseException as error:
                    note(args, kwargs, error)
                    raise
                note(args, kwargs, None)
                return result

            return observe_async if inspect.iscoroutinefunction(original) else observe

        return make

    def _whole(self, part: Any) -> Client | None:
        if not self.part:
            return known(part)
        return next((client for client in alive() if getattr(client.instance(), self.part, None) is part), None)


@dataclass(frozen=True)
class Seek(_Observe):
    """A function that changes what is next; `part` is the client's attribute if it is not the client's own."""

    target: str
    part: str = ""
    takes: tuple[str, ...] = ()

    def note(self, client: Client, taken: tuple[Any, ...], error: BaseException | None) -> None:  # noqa: ARG002
        """Have the ledger expect any offset."""
        if error is None:
            client.jumped()


@dataclass(frozen=True)
class Assign(_Observe):
    """A function that changes which partitions a client has; `read` gives tuples that begin with these."""

    target: str
    takes: tuple[str, ...] = ()
    part: str = ""
    read: Callable[..., Any] = list
    change: Extent = Extent.WHOLE

    def note(self, client: Client, taken: tuple[Any, ...], error: BaseException | None) -> None:
        """Tell what it did."""
        if error is None:
            changed(client, self.change, self.read(*taken))


@dataclass(frozen=True)
class Rejoin(_Observe):
    """A function after which a client that `stops` does nothing with its partitions until they are assigned anew."""

    target: str
    part: str
    stops: Callable[[Any], bool]
    takes: tuple[str, ...] = ()

    def note(self, client: Client, taken: tuple[Any, ...], error: BaseException | None) -> None:  # noqa: ARG002
        """Begin the time without partitions."""
        if error is None and self.stops(client.instance()):
            client.assignment.pause()


@dataclass(frozen=True)
class LogStart(_Observe):
    """A function that is given what a fetch brought; `read` gives topic, partition, and where their log begins."""

    target: str
    takes: tuple[str, ...]
    part: str
    read: Callable[..., tuple[str, str, int] | None]

    def note(self, client: Client, taken: tuple[Any, ...], error: BaseException | None) -> None:
        """Keep it."""
        found = self.read(*taken) if error is None else None
        if found is not None:
            client.assignment.starts[found[:2]] = found[2]


@dataclass(frozen=True)
class AutoCommit(_Observe):
    """A function that ends every commit; one that the application has not called for is automatic.

    `takes` names the offsets, which `positions` reads, and, where the outcome is an argument, that.
    """

    target: str
    takes: tuple[str, ...]
    positions: Callable[[Any], Mapping[tuple[str, str], int]]
    part: str

    def note(self, client: Client, taken: tuple[Any, ...], error: BaseException | None) -> None:
        """Count the commit."""
        offsets, *outcome = taken
        failure = outcome[0] if outcome and isinstance(outcome[0], BaseException) else error
        # Commits of other tasks may go on meanwhile; but a client without tasks may commit in a thread of its own.
        called_for = busy.get().types & SETTLE if tasks.running() else client.settling
        if offsets and not called_for:
            client.committed(self.positions(offsets), True, failure)


@dataclass(frozen=True)
class Listen:
    """A call that registers callbacks for changes of what a client reads.

    `changes` says how what each of its arguments is called for changes the assignment; `read` is as with `Assign`. Of
    the arguments that are not given, those in `added` get a callback that only we know of.
    """

    target: str
    changes: Mapping[str, Extent]
    added: tuple[str, ...]
    read: Callable[..., Any]

    def wrap(self, library: Library) -> Wrap:
        """Give what makes the wrapper."""

        def make(original: Function, switch: Switch) -> Function:
            arguments = Arguments(original, tuple(self.changes), library.signatures)

            @guarded
            def listening(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
                try:
                    given = arguments.read(*args, **kwargs)
                except TypeError:
                    return args, kwargs  # the call is wrong, and the library will say so itself
                client = client_of(args[0], library)
                for (name, change), theirs in zip(self.changes.items(), given, strict=True):
                    if callable(theirs) or (theirs is ... and name in self.added):
                        ours = self._callback(client, change, None if theirs is ... else theirs)
                        args, kwargs = arguments.replace(args, kwargs, name, ours)
                return args, kwargs

            def listen(*args: Any, **kwargs: Any) -> Any:
                if switch.on and args and not idle(library.telemetry):
                    args, kwargs = listening(args, kwargs) or (args, kwargs)
                return original(*args, **kwargs)

            return listen

        return make

    def _callback(self, client: Client, change: Extent, theirs: Function | None) -> Function:
        @guarded
        def note(told: tuple[Any, ...]) -> None:
            changed(client, change, self.read(*told))

        def happened(*told: Any) -> Any:
            note(told)
            return None if theirs is None else theirs(*told)

        return happened


@dataclass(frozen=True)
class Declare:
    """A call, sync or async, whose answer tells how many messages wait in a queue: `read` gives its name and that."""

    target: str
    read: Callable[[Any], tuple[str, int] | None]

    def wrap(self, library: Library) -> Wrap:
        """Give what makes the wrapper."""

        def make(original: Function, switch: Switch) -> Function:
            @guarded
            def told(args: tuple[Any, ...], answer: Any) -> None:
                found = self.read(answer) if switch.on and args and not idle(library.telemetry) else None
                if found is not None:
                    note(client_of(args[0], library), *found)

            def declare(*args: Any, **kwargs: Any) -> Any:
                answer = original(*args, **kwargs)
                told(args, answer)
                return answer

            async def declare_async(*args: Any, **kwargs: Any) -> Any:
                answer = await original(*args, **kwargs)
                told(args, answer)
                return answer

            return declare_async if inspect.iscoroutinefunction(original) else declare

        return make
