"""The application's frame that calls."""

from __future__ import annotations

import dis
import sys
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from types import CodeType, FrameType


def caller(depth: int = 1) -> FrameType | None:
    """Return the frame that many calls above the function that asks, or None where there is none.

    There is none where the interpreter itself calls, as it does for `__del__` at its exit.
    """
    try:
        return sys._getframe(depth + 1)
    except (AttributeError, ValueError):  # at exit `sys` may be empty
        return None


_handing_on: WeakKeyDictionary[CodeType, dict[int, bool]] = WeakKeyDictionary()


def hands_on(frame: FrameType) -> bool:
    """Return whether a frame returns the result of the call at which it stands to its own caller."""
    known = _handing_on.setdefault(frame.f_code, {})
    if frame.f_lasti not in known:
        known[frame.f_lasti] = _returns_at_once(frame.f_code.co_code, frame.f_lasti)
    return known[frame.f_lasti]


def _returns_at_once(code: bytes, at: int) -> bool:
    following = [dis.opname[code[place]] for place in range(at + 2, min(len(code), at + 30), 2)]
    names = [name for name in following if name not in {"CACHE", "NOP", "EXTENDED_ARG"}]
    stored = names[:1] == ["STORE_FAST"] and names[1:2] and names[1].startswith("LOAD_FAST")
    if stored or names[:1] == ["STORE_FAST_LOAD_FAST"]:  # one and the same variable, else there were another call
        names = names[2:] if stored else names[1:]
    return names[:1] == ["RETURN_VALUE"]
