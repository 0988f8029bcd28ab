"""Shapes of a client's constructor and of its close."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from otel_eda.core.clients.instances import client_of, existing_client, identity_of, live_clients, new_client, owner_of
from otel_eda.core.clients.library import SinglePlace
from otel_eda.core.clients.progress import report_last_commits, report_positions
from otel_eda.core.lifecycle.shutdown import end_client, register_at_exit
from otel_eda.core.message import Identity
from otel_eda.core.patching.around import Call, around
from otel_eda.core.process import per_task
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.settle.settlement import commit_answered

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_eda.core.clients.client import Client
    from otel_eda.core.clients.library import Library
    from otel_eda.core.patching.patch import Function, Switch


@dataclass(frozen=True)
class CommitCallback:
    """A callback in a client's configuration that is called with the outcome of each commit, automatic ones included.

    `own` returns the application's callback from the constructor's arguments; `read` returns, from the callback's
    arguments, the offsets and an exception or None.
    """

    name: str
    own: Callable[..., Any]
    read: Callable[..., tuple[Mapping[tuple[str, str], int], BaseException | None]]


class _CommitListener:
    """The callback that a client calls in place of the application's; it is dropped with the client."""

    def __init__(self, commits: CommitCallback, own_callback: Any) -> None:
        self.read = commits.read
        self.callback = own_callback
        self.client: Client | None = None

    def __call__(self, *args: Any) -> Any:
        self._record(args)
        return None if self.callback is None else self.callback(*args)

    @guarded
    def _record(self, args: tuple[Any, ...]) -> None:
        if self.client is not None and self.client.library.telemetry.scope is not None:
            commit_answered(self.client, *self.read(*args))

    def __del__(self) -> None:
        if self.client is not None:
            self.client.finalize()


def _without_empty_keywords(constructor: Function) -> Function:
    # To a constructor written in C no keywords and an empty dict of them are not the same.
    def construct(*args: Any, **kwargs: Any) -> Any:
        return constructor(*args, **kwargs) if kwargs else constructor(*args)

    return construct


@dataclass(frozen=True)
class Construct(SinglePlace):
    """A client's constructor: from then on, what is open at the client ends before the process does.

    `identify`, where a client does not keep its configuration, reads the identity from the constructor's arguments;
    `commits` is the callback for commits, if there is one; `early` says that something happens to such a client before
    its first use.
    """

    target: str
    identify: Callable[..., Identity] | None = None
    commits: CommitCallback | None = None
    early: bool = False

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:
        """Return the constructor, after which the client is known."""
        return around(_without_empty_keywords(original), switch, partial(self._begin, library))

    def _begin(self, library: Library, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Construction:
        register_at_exit()
        return _Construction(args, kwargs, self, library)


class _Construction(Call):
    """One construction of a client."""

    __slots__ = ("library", "listener", "original_kwargs", "shape")

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any], shape: Construct, library: Library) -> None:
        super().__init__(args, kwargs)
        self.original_kwargs = kwargs
        self.shape = shape
        self.library = library
        self.listener = self._make_listener()
        if self.listener is not None and shape.commits is not None:
            self.kwargs = {**kwargs, shape.commits.name: self.listener}

    @guarded
    def _make_listener(self) -> _CommitListener | None:
        commits = self.shape.commits
        callback = None if commits is None else commits.own(*self.args[1:], **self.kwargs)
        # The client refuses a callback that cannot be called, with its own error.
        return (
            None
            if commits is None or not (callback is None or callable(callback))
            else _CommitListener(commits, callback)
        )

    def returned(self, result: Any) -> Any:
        """Return the result, once the client is known."""
        self._register()
        return result

    @guarded
    def _identity(self) -> Identity | None:
        return None if self.shape.identify is None else self.shape.identify(*self.args[1:], **self.original_kwargs)

    @guarded
    def _register(self) -> None:
        if self.shape.early:
            client_of(self.args[0], self.library)
        if self.shape.identify is None:
            return
        identity = self._identity() or identity_of(self.args[0], self.library) or Identity()
        client = new_client(self.args[0], self.library, identity)
        if self.listener is not None:
            self.listener.client, client.has_commit_callback = client, True


def _itself(closed: Any, instance: Any) -> bool:
    return closed is instance


@dataclass(frozen=True)
class Close(SinglePlace):
    """A call, sync or async, after which a client does nothing more.

    `closes`, where it is the call of a whole connection, tells of a client whether it ends with that.
    """

    target: str
    closes: Callable[[Any, Any], bool] = _itself

    def wrap(self, library: Library, original: Function, switch: Switch) -> Function:
        """Return the call, after which nothing of the client is open."""
        return around(original, switch, partial(self._begin, library))

    def _begin(self, library: Library, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _CloseCall | None:
        clients = self._clients(library, args[0]) if args else []
        for client in clients:
            per_task.finish_current(client)
            if not client.closed:
                self._read_positions(library, client, args[0])
                report_positions(client, at_once=True)
            client.closed = True
        return _CloseCall(args, kwargs, clients) if clients else None

    def _read_positions(self, library: Library, client: Client, closed: Any) -> None:
        if self.closes is _itself:
            client.read_positions_here(owner_of(closed, library))

    def _clients(self, library: Library, closed: Any) -> list[Client]:
        if self.closes is _itself:
            client = existing_client(owner_of(closed, library))
            return [] if client is None else [client]
        own = [client for client in live_clients() if client.library is library]
        return [client for client in own if self.closes(closed, client.instance())]


class _CloseCall(Call):
    """The close of a client, or of several."""

    __slots__ = ("clients",)

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any], clients: list[Client]) -> None:
        super().__init__(args, kwargs)
        self.clients = clients

    def exited(self, error: BaseException | None) -> None:  # noqa: ARG002  # it is closed all the same
        """End what is open."""
        for client in self.clients:
            report_last_commits(client)
            end_client(client, "the client was closed")
