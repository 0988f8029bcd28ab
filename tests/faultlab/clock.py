"""`python -m faultlab.clock SECONDS MODULE FUNCTION ARGUMENTS`: as `faultlab.program`, with a clock that goes ahead.

It has to do so before anything else is imported that may keep the clock's functions, so not under the launcher.
"""

from __future__ import annotations

import sys
import time


def shift(ahead: float) -> None:
    """Have Python's clock go ahead by so many seconds."""
    seconds, nanoseconds = time.time, time.time_ns
    time.time = lambda: seconds() + ahead
    time.time_ns = lambda: nanoseconds() + int(ahead * 1e9)


if __name__ == "__main__":
    shift(float(sys.argv[1]))
    import otel_eda.auto  # noqa: F401  # switches it on
    from faultlab import program

    program.main(*sys.argv[2:])
