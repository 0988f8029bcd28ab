"""Waiting for what another thread or task does."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

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


class TaskBarrier:
    """Where that many tasks wait for each other: `asyncio.Barrier`, which there is since Python 3.11."""

    def __init__(self, parties: int) -> None:
        self.parties = parties
        self.waiting: list[asyncio.Future[None]] = []

    async def wait(self) -> None:
        """Return when all are here."""
        self.waiting.append(asyncio.get_running_loop().create_future())
        mine = self.waiting[-1]
        if len(self.waiting) == self.parties:
            for future in self.waiting:
                future.set_result(None)
            self.waiting = []
        await mine


async def cancel(tasks: Collection[asyncio.Task[Any]], when: Callable[[], object]) -> None:
    """Cancel tasks once `when` is true, and wait for their end; none may end before, or otherwise."""
    while not when():
        done, _ = await asyncio.wait(tasks, timeout=PAUSE)
        assert not done
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert all(task.cancelled() for task in tasks)
