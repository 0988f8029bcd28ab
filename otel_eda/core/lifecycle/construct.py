"""A client's construction, where what it is told of commits is known."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_eda.core.clients.instances import adopt, client_of, known
from otel_eda.core.clients.progress import report
from otel_eda.core.lifecycle.shutdown import at_exit, end
from otel_eda.core.process import per_task
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.settle.settlement import heard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_eda.core.clients.client import Client
    from otel_eda.core.clients.library import Library
    from otel_eda.core.message import Identity
    from otel_eda.core.patching.patch import Function, Switch, Wrap


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

    `identify`, where a client does not keep its configuration, reads it from the constructor's arguments; `early` are
    those to which something happens before their first use.
    """

    target: str
    identify: Callable[..., Identity] | None = None
    commits: Commits | None = None
    early: bool = False

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
        if self.early:
            client_of(args[0], library)
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
            per_task.over(client)
            if not client.closed:
                report(client, at_once=True)
            client.closed = True
        return client
