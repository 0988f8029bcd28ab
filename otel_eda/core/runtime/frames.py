"""The application's frame that calls."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


def caller(depth: int = 1) -> FrameType | None:
    """Return the frame that many calls above the function that asks, or None where there is none.

    There is none where the interpreter itself calls, as it does for `__del__` at its exit.
    """
    try:
        return sys._getframe(depth + 1)
    except (AttributeError, ValueError):  # at exit `sys` may be empty
        return None
