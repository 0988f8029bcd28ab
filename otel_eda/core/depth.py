"""How many messages wait in a queue, where a broker says so of its own accord."""

from __future__ import annotations

import inspect
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otel_eda import semconv

from .busy import idle
from .clients import client_of
from .guard import guarded

if TYPE_CHECKING:
    from collections.abc import Callable

    from .client import Client
    from .library import Library
    from .patching import Function, Switch, Wrap

FRESH = 300_000_000_000
"""Nanoseconds after which what was said is no news any more."""


def note(client: Client, queue: str, number: int) -> None:
    """Note what the broker says."""
    if len(client.depths) >= semconv.ATTRIBUTE_SETS:
        client.depths.clear()
    client.depths[queue] = number, time.monotonic_ns()


def fresh(client: Client) -> list[tuple[str, int]]:
    """Give what it has said not too long ago, by queue."""
    since = time.monotonic_ns() - FRESH
    return [(queue, number) for queue, (number, at) in list(client.depths.items()) if at >= since]


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
                found = self.read(answer) if switch.on and args and not idle(library) else None
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
