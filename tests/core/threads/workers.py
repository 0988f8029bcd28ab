"""Threads that do the same at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

THREADS = 6


def together(work: Callable[[int], Any], threads: int = THREADS) -> list[Any]:
    """Have each thread do the work, given its number, beginning together; return what it gave, raise what it raised."""
    begin = Barrier(threads)

    def run(number: int) -> Any:
        begin.wait()
        return work(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))
