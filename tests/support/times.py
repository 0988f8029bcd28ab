"""How often a test repeats what it does: `OTEL_EDA_TEST_TIMES` multiplies every such number, as `make soak` does."""

from __future__ import annotations

import os

TIMES = int(os.environ.get("OTEL_EDA_TEST_TIMES", "1"))


def times(few: int) -> int:
    """Return how many cases to try, where a short run tries `few`."""
    return few * TIMES
