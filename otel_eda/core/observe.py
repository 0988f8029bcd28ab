"""What happens to a client in between: seeks, assignments, commits."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import tasks
from .assignment import Extent, changed
from .busy import SETTLE, busy
from .clients import clients, known
from .guard import guarded
from .patching import Arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .client import Client
    from .library import Library
    from .patching import Function, Switch, Wrap


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
        return next((client for client in list(clients) if getattr(client.instance(), self.part, None) is part), None)


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
