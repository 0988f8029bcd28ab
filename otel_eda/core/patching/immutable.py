"""Opens a class that an extension module has closed, for as long as one of its functions is replaced.

Since Python 3.10 a class made in C refuses new attributes: it is flagged as immutable, and nothing else about it
differs. Without the flag CPython does the rest, as for any class: its caches, its slots, its subclasses. So it is the
very class that is patched, whoever holds it, subclasses it, or has made instances of it before.
"""

from __future__ import annotations

import ctypes
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


_FLAG = 1 << 8  # Py_TPFLAGS_IMMUTABLETYPE


_OWN = 1 << 1  # _Py_TPFLAGS_STATIC_BUILTIN, since Python 3.12: a class of CPython's own, whose attributes are elsewhere


_WORD = ctypes.sizeof(ctypes.c_void_p)


# `PyTypeObject`: an object's head, its `ob_size`, and eighteen words from `tp_name` to `tp_as_buffer`.
_OFFSET = object.__basicsize__ + 19 * _WORD


_BYTE = _OFFSET + (1 if sys.byteorder == "little" else ctypes.sizeof(ctypes.c_ulong) - 2)


def immutable(owner: Any) -> bool:
    """Tell whether a class is flagged so."""
    return isinstance(owner, type) and bool(owner.__flags__ & _FLAG)


@contextmanager
def mutable(owner: Any) -> Iterator[None]:
    """Have a class take attributes for the length of the block; raises `TypeError` where that can't be."""
    if not immutable(owner):
        yield
        return
    flags = _flags(owner)
    flags.value ^= _FLAG >> 8
    try:
        yield
    finally:
        flags.value |= _FLAG >> 8


def _flags(owner: type) -> ctypes.c_ubyte:
    # The byte alone: the interpreter changes others of the word, perhaps in another thread.
    if sys.implementation.name != "cpython" or owner.__module__ == "builtins" or owner.__flags__ & _OWN:
        raise TypeError(f"{owner.__qualname__} is immutable")
    if ctypes.c_ulong.from_address(id(owner) + _OFFSET).value != owner.__flags__:
        raise TypeError(f"{owner.__qualname__} is immutable, and this interpreter keeps that in another place")
    return ctypes.c_ubyte.from_address(id(owner) + _BYTE)
