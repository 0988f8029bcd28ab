"""A client's end, and the process's: nothing stays open."""

from __future__ import annotations

import atexit
import inspect
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import between, ledger, senders, turns
from .assignment import report
from .busy import SETTLE, enter
from .clients import clients, known
from .errors import Unresolved
from .guard import guarded

if TYPE_CHECKING:
    from .client import Client
    from .library import Library
    from .patching import Function, Switch, Wrap


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
            between.over(client)
            if not client.closed:
                report(client, at_once=True)
            client.closed = True
        return client


def finish(instance: Any) -> None:
    """End the turn of the message that was pulled last from a client, by this thread."""
    client = known(instance)
    if client is not None:
        between.over(client)


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
    between.end_all(client, error)


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
    senders.together.forget()
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
