"""A client's construction, where what it is told of commits is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .clients import adopt, client_of
from .guard import guarded
from .lifecycle import at_exit
from .settle import heard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .client import Client
    from .library import Library
    from .message import Identity
    from .patching import Function, Switch, Wrap


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
