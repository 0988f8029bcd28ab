"""Classes of extension modules, opened for attributes while one of their functions is replaced.

Since Python 3.10 such a class has the flag `Py_TPFLAGS_IMMUTABLETYPE` (https://bugs.python.org/issue43908) and refuses
new attributes; nothing else about it differs. Without the flag CPython does the rest, as for any class: its caches, its
slots, its subclasses. So the very class is patched, for whoever holds it, subclasses it or has made instances of it.
"""

from __future__ import annotations

import ctypes
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


_IMMUTABLE_FLAG = 1 << 8  # Py_TPFLAGS_IMMUTABLETYPE


_STATIC_BUILTIN_FLAG = (
    1 << 1
)  # _Py_TPFLAGS_STATIC_BUILTIN since Python 3.12: the attributes of CPython's own classes are elsewhere


_WORD_SIZE = ctypes.sizeof(ctypes.c_void_p)


# `tp_flags` in `PyTypeObject`: after an object's head, `ob_size`, and eighteen words from `tp_name` to `tp_as_buffer`.
_FLAGS_OFFSET = object.__basicsize__ + 19 * _WORD_SIZE


_FLAG_BYTE_OFFSET = _FLAGS_OFFSET + (1 if sys.byteorder == "little" else ctypes.sizeof(ctypes.c_ulong) - 2)


def is_immutable(owner: Any) -> bool:
    """Return whether a class has the flag that makes it refuse attributes."""
    return isinstance(owner, type) and bool(owner.__flags__ & _IMMUTABLE_FLAG)


@contextmanager
def mutable(owner: Any) -> Iterator[None]:
    """Let a class accept attributes inside of the block; raise `TypeError` where the flag cannot be cleared safely."""
    if not is_immutable(owner):
        yield
        return
    flags = _flag_byte(owner)
    flags.value ^= _IMMUTABLE_FLAG >> 8
    try:
        yield
    finally:
        flags.value |= _IMMUTABLE_FLAG >> 8


def _flag_byte(owner: type) -> ctypes.c_ubyte:
    # One byte only: the interpreter may change another byte of the word at the same time, in another thread.
    if sys.implementation.name != "cpython" or owner.__module__ == "builtins" or owner.__flags__ & _STATIC_BUILTIN_FLAG:
        raise TypeError(f"{owner.__qualname__} is immutable")
    if ctypes.c_ulong.from_address(id(owner) + _FLAGS_OFFSET).value != owner.__flags__:
        raise TypeError(f"{owner.__qualname__} is immutable, and this interpreter keeps that in another place")
    return ctypes.c_ubyte.from_address(id(owner) + _FLAG_BYTE_OFFSET)
