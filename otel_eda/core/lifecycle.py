"""A client's life: how it begins, what happens to it in between, and that nothing stays open when it ends."""

from __future__ import annotations

import atexit
import inspect
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import ledger, loops, tasks, turns
from .busy import SETTLE, busy, enter
from .client import adopt, clients, known
from .errors import Unresolved
from .guard import guarded
from .patching import Arguments
from .settle import heard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .client import Client
    from .library import Library
    from .message import Identity
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
class Remember(_Observe):
    """A function that changes what a client does: a seek, an assignment, a transaction's end.

    One whose name has `seek` or `assign` in it tells the ledger that the next offset is not the one after the last, or
    that another member may have the partitions. `part` is the client's attribute if the function is not the client's
    own; `read` makes of the arguments what is kept: never a message, which may be big and is to end when the
    application is done with it.
    """

    target: str
    takes: tuple[str, ...] = ()
    part: str = ""
    read: Callable[..., Any] | None = None

    def note(self, client: Client, taken: tuple[Any, ...], error: BaseException | None) -> None:
        """Remember what it did."""
        if error is None:
            about = taken if self.read is None else self.read(*taken)
            client.remember(self.target.rpartition(".")[2].removesuffix("?"), about)


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
        """Count and remember the commit."""
        offsets, *outcome = taken
        failure = outcome[0] if outcome and isinstance(outcome[0], BaseException) else error
        # Commits of other tasks may go on meanwhile; but a client without tasks may commit in a thread of its own.
        called_for = busy.get().types & SETTLE if tasks.running() else client.settling
        if offsets and not called_for:
            client.committed(self.positions(offsets), True, failure)


@dataclass(frozen=True)
class Commits:
    """A callback in a client's configuration that is told of each commit's outcome, the automatic ones' too.

    `theirs` gives the application's own from the constructor's arguments; `read` makes the offsets, and an exception or
    None, of what the callback is told.
    """

    name: str
    theirs: Callable[..., Any]
    read: Callable[..., tuple[Mapping[tuple[str, str], int], BaseException | None]]


class _Ear:
    """What a client calls in the place of the application's callback; it dies with the client."""

    def __init__(self, commits: Commits, theirs: Any) -> None:
        self.read = commits.read
        self.theirs = theirs
        self.client: Client | None = None

    def __call__(self, *told: Any) -> Any:
        self._note(told)
        return None if self.theirs is None else self.theirs(*told)

    @guarded
    def _note(self, told: tuple[Any, ...]) -> None:
        if self.client is not None and self.client.library.telemetry.scope is not None:
            heard(self.client, *self.read(*told))

    def __del__(self) -> None:
        if self.client is not None:
            self.client.gone()


@dataclass(frozen=True)
class Configure:
    """A client's constructor: what is open at the interpreter's exit must end after the client's own last work.

    `identify`, where a client does not keep its configuration, reads it from the constructor's arguments.
    """

    target: str
    identify: Callable[..., Identity] | None = None
    commits: Commits | None = None

    def wrap(self, library: Library) -> Wrap:
        """Give what makes the wrapper."""

        def make(original: Function, switch: Switch) -> Function:
            def configure(*args: Any, **kwargs: Any) -> Any:
                if not switch.on:
                    return original(*args, **kwargs)
                at_exit()
                ear = self._listen(args, kwargs)
                more = {} if ear is None or self.commits is None else {self.commits.name: ear}
                result = original(*args, **{**kwargs, **more})
                self._made(library, args, kwargs, ear)
                return result

            return configure

        return make

    @guarded
    def _listen(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> _Ear | None:
        theirs = None if self.commits is None else self.commits.theirs(*args[1:], **kwargs)
        # What can't be called the client refuses, and is to say so itself.
        return None if self.commits is None or not (theirs is None or callable(theirs)) else _Ear(self.commits, theirs)

    @guarded
    def _made(self, library: Library, args: tuple[Any, ...], kwargs: Mapping[str, Any], ear: _Ear | None) -> None:
        if self.identify is None:
            return
        client = adopt(args[0], library, self.identify(*args[1:], **kwargs))
        if ear is not None:
            ear.client, client.listening = client, True


@dataclass(frozen=True)
class Close:
    """A call, sync or async, after which a client does nothing more."""

    target: str

    def wrap(self, library: Library) -> Wrap:
        """Give what makes the wrapper."""

        def make(original: Function, switch: Switch) -> Function:
            def close(*args: Any, **kwargs: Any) -> Any:
                client = self._over(library, args) if switch.on else None
                try:
                    return original(*args, **kwargs)
                finally:
                    if client is not None:
                        end(client, "the client was closed")

            async def close_async(*args: Any, **kwargs: Any) -> Any:
                client = self._over(library, args) if switch.on else None
                try:
                    return await original(*args, **kwargs)
                finally:
                    if client is not None:
                        end(client, "the client was closed")

            return close_async if inspect.iscoroutinefunction(original) else close

        return make

    @staticmethod
    @guarded
    def _over(library: Library, args: tuple[Any, ...]) -> Client | None:
        client = known(library.owner(args[0])) if args else None
        if client is not None:
            loops.Pull.over(client)
            client.closed = True
        return client


def finish(instance: Any) -> None:
    """End the turn of the message that was pulled last from a client, by this thread."""
    client = known(instance)
    if client is not None:
        loops.Pull.over(client)


@dataclass(frozen=True)
class Internal:
    """A call, sync or async, in which the library settles of its own accord what the application has not seen."""

    target: str

    def wrap(self, library: Library) -> Wrap:  # noqa: ARG002  # every shape is asked alike
        """Give what makes the wrapper."""

        def make(original: Function, switch: Switch) -> Function:
            def settle(*args: Any, **kwargs: Any) -> Any:
                if not switch.on:
                    return original(*args, **kwargs)
                with enter(SETTLE):
                    return original(*args, **kwargs)

            async def settle_async(*args: Any, **kwargs: Any) -> Any:
                if not switch.on:
                    return await original(*args, **kwargs)
                with enter(SETTLE):
                    return await original(*args, **kwargs)

            return settle_async if inspect.iscoroutinefunction(original) else settle

        return make


@guarded
def end(client: Client, why: str, error: BaseException | None = None) -> None:
    """End everything of a client that is still open: sends as unresolved, turns as done or with an error."""
    for sending in list(client.pending.values()):
        sending.abandoned(Unresolved(f"{why} before the broker answered"))
    while client.unanswered:
        client.unanswered.popleft().failed(Unresolved(f"{why} before the broker answered"))
    loops.end_all(client, error)


def end_everything() -> None:
    """End what is open: when the interpreter ends, or we are switched off, nothing may be lost without a word.

    The ledgers begin anew: of what comes to pass from now on they would hear nothing.
    """
    for client in list(clients):
        end(client, "the process ended", GeneratorExit())
    for turn in list(turns.open_turns.values()):
        turn.end(GeneratorExit())
    _begin_anew()


def at_exit() -> None:
    """Have `end_everything` called after what was registered later, and before what was registered earlier.

    `atexit` runs backwards: the clients' own exit handlers come first, then ours, then the SDK's shutdown.
    """
    atexit.unregister(end_everything)
    atexit.register(end_everything)


def _begin_anew() -> None:
    ledger.forget_all()
    for client in list(clients):
        client.ledger = ledger.ledger_of(client.library.system, client.identity)
        client.routes.clear()  # they know the accounts


def _forget() -> None:
    _begin_anew()
    for client in clients:
        for sending in client.pending.values():
            sending.done = True  # its client may yet drop it here
        client.pending.clear()
        client.unanswered.clear()
        client.pulls.clear()
        client.tasks.clear()
        client.deferred.clear()


os.register_at_fork(after_in_child=_forget)
