"""Asyncio tasks and futures: which task runs, which waits for an executor's work, how a future ended."""

from __future__ import annotations

import sys
import threading
import time
from asyncio import BaseEventLoop, CancelledError, Future, Task, current_task, wait_for, wrap_future
from asyncio.events import _get_running_loop
from concurrent.futures import thread
from contextvars import Context
from typing import TYPE_CHECKING, Any

from otel_eda.core.runtime.frames import hands_on
from otel_eda.core.runtime.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


WORK_ITEM_RUN = thread._WorkItem.run.__code__


# The code that a thread runs while it hands work to an executor, until a task can wait for the work.
_HAND_OVER_CODE = {
    BaseEventLoop.run_in_executor.__code__,
    thread.ThreadPoolExecutor.submit.__code__,
    wrap_future.__code__,
}


_MAIN = threading.main_thread().ident


_MAX_FRAMES = 10


_HAND_OVER_POLL_S, _HAND_OVER_POLLS = 0.0002, 5000  # one second in all


def running_task() -> Task[Any] | None:
    """Return the task that runs in this thread, or None if there is none."""
    return current_task() if _get_running_loop() is not None else None


def task_or_thread_id() -> int:
    """Return a number that tells this task, or without a task this thread, from those that run at the same time."""
    if _get_running_loop() is None:
        return threading.get_ident()
    task = current_task()
    return threading.get_ident() if task is None else id(task)


def future_error(future: Future[Any]) -> BaseException | None:
    """Return the exception with which a future ended, or None if it has a result.

    `Future.exception` would mark the exception as retrieved, and asyncio would no longer log it if the application does
    not ask for it.
    """
    return CancelledError() if future.cancelled() else future._exception


def report_future(future: Future[Any], done: Callable[[Any], None], failed: Callable[[BaseException], None]) -> None:
    """Call `done` with a future's result or `failed` with its exception, now if it is done, else when it is."""

    @guarded
    def report(future: Future[Any]) -> None:
        error = future_error(future)
        if error is None:
            done(future.result())
        else:
            failed(error)

    if future.done():
        report(future)  # its callbacks would run in the loop's next step, when the client may be closed
    else:
        future.add_done_callback(report)


_ANYIO = "anyio._backends._asyncio"  # its threads run calls, and report to an event loop, by themselves
_HANDING_ON = {"asgiref.sync"}  # it clears up before it returns


def awaited_future(frame: FrameType | None) -> Future[Any] | None:
    """Return the future by which an event loop's tasks wait for what the call that a frame stands at returns, or None.

    That is so where an executor's thread runs the call itself, or something that only hands on what it returns.
    """
    for _ in range(_MAX_FRAMES):
        if frame is None or threading.get_ident() == _MAIN:
            return None
        if frame.f_code is WORK_ITEM_RUN:
            return _wrapping_future(frame.f_locals["self"].future)
        module = frame.f_globals.get("__name__")
        if module == _ANYIO:
            future = frame.f_locals.get("future")
            return future if isinstance(future, Future) else None
        if module not in _HANDING_ON and not hands_on(frame):
            return None
        frame = frame.f_back
    return None


def gives_context_back(frame: FrameType | None) -> bool:
    """Return whether the task that waits for a thread's call gets the context in which that call ends."""
    for _ in range(_MAX_FRAMES):
        if frame is None or frame.f_globals.get("__name__") in _HANDING_ON:
            return frame is not None
        frame = frame.f_back
    return False


def _wrapping_future(work: Any) -> Future[Any] | None:
    _wait_for_hand_over(work)
    return next(filter(None, (_in_closure(callback, "destination") for callback in work._done_callbacks)), None)


def _in_closure(callback: Any, name: str) -> Future[Any] | None:
    names, cells = getattr(callback, "__code__", WORK_ITEM_RUN).co_freevars, getattr(callback, "__closure__", None)
    cell = dict(zip(names, cells or (), strict=False)).get(name)
    return cell.cell_contents if cell is not None and isinstance(cell.cell_contents, Future) else None


def _wait_for_hand_over(work: Any) -> None:
    # The thread may be faster than the loop that hands it the work: wait until the loop has done so.
    for _ in range(_HAND_OVER_POLLS):
        if work._done_callbacks or not any(map(_is_handing_over, sys._current_frames().values())):
            return
        time.sleep(_HAND_OVER_POLL_S)


def _is_handing_over(frame: FrameType | None) -> bool:
    for _ in range(_MAX_FRAMES):
        if frame is None:
            return False
        if frame.f_code in _HAND_OVER_CODE:
            return True
        frame = frame.f_back
    return False


def waiting(future: Future[Any], directly: bool = True) -> tuple[Context, int | None]:
    """Return the context of the task that waits for a future, `directly` or not, and what tells it from others.

    An empty context and None if nothing waits, or something else.
    """
    found = waiting_task(future, directly)
    return (Context(), None) if found is None else (found[1], id(found[0]))


def waiting_task(future: Future[Any], directly: bool = True) -> tuple[Task[Any], Context] | None:
    """Return the task that waits for a future, `directly` or not, with its context; None if nothing does.

    It may wait for another future that ends with this one: by `shield`, or by `wait_for` before Python 3.12.
    """
    for callback, context in future._callbacks or ():
        task = getattr(callback, "__self__", None)
        if directly and isinstance(task, Task) and context is not None:
            return task, context
        outer = _in_closure(callback, "outer") or next(iter(getattr(callback, "args", ())), None)
        if isinstance(outer, Future):
            return waiting_task(outer)
    return None


def awaits_itself(task: Task[Any]) -> FrameType | None:
    """Return the frame of a task's coroutine, if it waits there itself or by `wait_for`; None if in code below it."""
    coroutine: Any = task.get_coro()
    code = getattr(getattr(coroutine, "cr_await", None), "cr_code", wait_for.__code__)
    frame: FrameType | None = getattr(coroutine, "cr_frame", None)
    return frame if code is wait_for.__code__ else None
