"""Changes: functions that an adapter changes itself, where a library's messages have no place for headers."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from .library import Library, Shape
    from .patching import Function, Switch, Wrap


@dataclass(frozen=True)
class Change:
    """A function in whose place `change` is called, with the original before the call's own arguments.

    It is so whether anything records or not. `of` is its place, or the shape that it has once it is changed.
    """

    of: Shape | str
    change: Callable[..., Any]

    @property
    def target(self) -> str:
        """The place."""
        return self.of if isinstance(self.of, str) else self.of.target

    def wrap(self, library: Library) -> Wrap:
        """Give what makes the wrapper."""
        around = None if isinstance(self.of, str) else self.of.wrap(library)

        def make(original: Function, switch: Switch) -> Function:
            change = self.change

            @functools.wraps(original)
            def changed(*args: Any, **kwargs: Any) -> Any:
                return change(original, *args, **kwargs) if switch.on else original(*args, **kwargs)

            return changed if around is None else around(changed, switch)

        return make
