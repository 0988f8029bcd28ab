"""Whether memory grows with the number of messages."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .contenders import configure, instrument, scenarios
from .stage import Consumer, Producer, fresh

if TYPE_CHECKING:
    from .contenders import Entry

POINTS = 10
_STATM = Path("/proc/self/statm")


def watched(entry: Entry, scenario: str, count: int) -> list[tuple[int, int]]:
    """Handle messages, each one of its own; give resident bytes and Python's live blocks after each tenth."""
    configure(entry.config)
    instrument(entry.who)
    action = scenarios(entry, Producer(), Consumer(fresh()), Consumer(fresh()))[scenario]
    seen = []
    for _ in range(POINTS):
        action(count // POINTS)
        gc.collect()
        seen.append((resident(), sys.getallocatedblocks()))
    return seen


def resident() -> int:
    """Give the resident bytes of this process."""
    if _STATM.exists():
        return int(_STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    import resource

    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale
