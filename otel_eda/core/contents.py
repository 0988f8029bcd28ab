"""Whether a registry may have handlers that we have not seen."""

from __future__ import annotations

import inspect
import sys
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from .guard import guarded

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEPTH = 3


@dataclass
class Known:
    """What was registered with one registry; `complete` if nothing can have been before we looked."""

    complete: bool
    events: set[str] = field(default_factory=set)
    all_events: bool = False


_seen: WeakKeyDictionary[Any, Known] = WeakKeyDictionary()


@guarded
def look(registry: Any) -> Known | None:
    """Give what is known of a registry's handlers; at first sight, whether there are any already."""
    try:
        known = _seen.get(registry)
        if known is None:
            known = _seen[registry] = Known(not any(map(_may_hold, _state(registry))))
    except TypeError:
        return None  # it can't be referenced weakly or hashed
    return known


def _state(registry: Any) -> Iterator[object]:
    """Give everything in which a registry can have its handlers: its own, its class's, what its methods name."""
    kind = registry if isinstance(registry, type) else type(registry)
    if registry is not kind:
        yield from getattr(registry, "__dict__", {"unknown": _state}).values()
    for item in [item for base in kind.__mro__ for item in vars(base).values()]:
        function = getattr(item, "__func__", item)
        found = [item]
        if inspect.isfunction(function):
            function = inspect.unwrap(function)
            found = [function.__globals__.get(name) for name in function.__code__.co_names]
        yield from (each for each in found if isinstance(each, _CONTAINERS))


_CONTAINERS = (dict, list, set, frozenset, tuple, deque)
_PLAIN = (str, bytes, int, float, type, Enum, type(None))


def _may_hold(item: object, depth: int = _DEPTH) -> bool:
    """Tell whether handlers may be in there; of the standard library's objects only those that can be called are."""
    if isinstance(item, _CONTAINERS):
        inner = (*item, *item.values()) if isinstance(item, dict) else item
        return any(depth == 0 or _may_hold(each, depth - 1) for each in inner)
    if isinstance(item, _PLAIN):
        return False
    return callable(item) or type(item).__module__.partition(".")[0] not in sys.stdlib_module_names
