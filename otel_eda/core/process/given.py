"""What a call is given: its arguments, and those of a coroutine that has not begun."""

from __future__ import annotations

import gc
import sys
from contextlib import suppress
from functools import partial
from types import CellType, CoroutineType
from typing import Any

_NESTED = {tuple, CoroutineType}  # types of values that may have a message
NOT_PLAIN = frozenset({*_NESTED, CellType})
# Which the collector reads without a trace: before Python 3.13 `f_locals` is a dict that keeps them with the frame.
_HAS_LOCALS = sys.version_info >= (3, 11)  # the coroutine itself, else its frame


def arguments(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """Return the arguments of a call, with those in tuples and those that a `partial` adds."""
    values: list[Any] = []
    for value in (*args, *kwargs.values()):
        values += (value, *value) if type(value) is tuple else (value,)
    return values + arguments(None, function.args, function.keywords) if isinstance(function, partial) else values


def referents(coroutine: CoroutineType[Any, Any, Any]) -> list[Any]:
    """Return what a coroutine that has not begun refers to, its arguments among it."""
    return gc.get_referents(coroutine if _HAS_LOCALS else coroutine.cr_frame)


def coroutine_arguments(coroutine: Any) -> list[Any]:
    """Return the arguments of a coroutine that has not begun, with those in tuples and those of coroutines within."""
    own = _own_arguments(coroutine)
    if _NESTED.isdisjoint(map(type, own)):
        return own
    values: list[Any] = []
    for value in own:
        values += (value, *value) if type(value) is tuple else (value,)
        if type(value) is CoroutineType:
            for inner in _own_arguments(value):
                values += (inner, *inner) if type(inner) is tuple else (inner,)
    return values


def _own_arguments(coroutine: Any) -> list[Any]:
    if type(coroutine) is not CoroutineType:
        return []
    values = referents(coroutine)
    if CellType in map(type, values):
        for cell in values:
            if type(cell) is CellType:
                with suppress(ValueError):  # it is empty
                    values.append(cell.cell_contents)
    return values
