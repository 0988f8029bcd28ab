"""Listens: what happens to a client is told to callbacks that a call registers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .assignment import changed
from .busy import idle
from .clients import client_of
from .guard import guarded
from .patching import Arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .assignment import Extent
    from .client import Client
    from .library import Library
    from .patching import Function, Switch, Wrap


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
                if switch.on and args and not idle(library):
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
