"""Which frame of the application calls."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


def caller(depth: int = 1) -> FrameType | None:
    """Return the frame so many calls above the function that asks, or None where there is none.

    There is none where the interpreter itself calls, as at its exit.
    """
    try:
        return sys._getframe(depth + 1)
    except (AttributeError, ValueError):  # `sys` may be gone by then
        return None
