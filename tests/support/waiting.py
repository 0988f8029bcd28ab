"""Waiting for what another thread does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
TIMEOUT = 30.0  # seconds; only a failure waits that long
PAUSE = 0.005


def until(probe: Callable[[], T], what: str, timeout: float = TIMEOUT) -> T:
    """Give the first result of `probe` that is true; raises `TimeoutError`."""
    deadline = time.monotonic() + timeout
    while not (result := probe()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout:g} s for {what}")
        time.sleep(PAUSE)
    return result
