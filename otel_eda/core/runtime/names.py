"""Names of the application's functions."""

from __future__ import annotations

import inspect
from types import FunctionType
from typing import Any
from weakref import WeakKeyDictionary

_names: WeakKeyDictionary[FunctionType, str] = WeakKeyDictionary()


def function_name(function: Any) -> str:
    """Return the qualified name of a handler, with its module: that of the function that finally runs."""
    inner = getattr(function, "__func__", function)
    if type(inner) is not FunctionType:
        return _full_name(inner)  # whether it can be a key is for the application to say
    if not inner.__dict__:
        return f"{inner.__module__}.{inner.__qualname__}"
    found = _names.get(inner)
    if found is None:
        found = _names[inner] = _full_name(inner)
    return found


def _full_name(function: Any) -> str:
    inner = inspect.unwrap(getattr(function, "func", function))
    return f"{getattr(inner, '__module__', '')}.{getattr(inner, '__qualname__', type(inner).__qualname__)}".lstrip(".")
