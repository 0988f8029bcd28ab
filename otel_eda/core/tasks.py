"""Asyncio's tasks and futures: which task runs, and how a future ended."""

from __future__ import annotations

import threading
from asyncio import CancelledError, Future, Task, current_task
from asyncio.events import _get_running_loop
from typing import TYPE_CHECKING, Any

from .guard import guarded

if TYPE_CHECKING:
    from collections.abc import Callable


def running() -> Task[Any] | None:
    """Give the task that runs here, None without one."""
    return current_task() if _get_running_loop() is not None else None


def here() -> int:
    """Give what tells this task, or, without one, this thread, from those that run at the same time."""
    task = running()
    return threading.get_ident() if task is None else id(task)


def outcome(future: Future[Any]) -> BaseException | None:
    """Tell with which exception a future ended.

    Unlike `Future.exception` it does not count as asking for it: asyncio still tells of one that nobody asked for.
    """
    return CancelledError() if future.cancelled() else future._exception


def report_future(future: Future[Any], done: Callable[[Any], None], failed: Callable[[BaseException], None]) -> None:
    """Have a future's outcome reported to two callbacks."""

    @guarded
    def report(future: Future[Any]) -> None:
        error = outcome(future)
        if error is None:
            done(future.result())
        else:
            failed(error)

    if future.done():
        report(future)  # its callbacks wait for the loop, and by then the client may be closed
    else:
        future.add_done_callback(report)
