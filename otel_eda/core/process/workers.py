"""Threads and tasks that get messages from queues of the process: what each is at, and in which of its code.

How that code ends decides what is known. Where the interpreter tells it (`unwinding.tells`), a frame is followed to its
end, and what it returns to its caller goes on there. Elsewhere only the very code that a thread or task runs is
followed: once that is left, so is the thread or task. Of messages in any other code only `task_done` tells the end.
"""

from __future__ import annotations

import inspect
import threading
import time
import weakref
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet

from otel_eda.core.process import hands, unwinding
from otel_eda.core.process.worker_code import FollowedCode
from otel_eda.core.runtime.state import on_fork, on_reset
from otel_eda.core.runtime.tasks import running_task

if TYPE_CHECKING:
    from asyncio import Task
    from types import FrameType

    from otel_eda.core.process.processing import Processing

_THREAD_CODE = {threading.Thread.run.__code__, threading.Thread._bootstrap_inner.__code__}  # type: ignore[attr-defined]
_GENERATOR = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR


class Worker:
    """A thread or task; `works` is what it is at, the newest last, and `codes` where that is followed."""

    def __init__(self, task: Task[Any] | None) -> None:
        self.task = None if task is None else weakref.ref(task)
        self.works: list[hands.Work] = []
        self.codes: list[FollowedCode] = []
        self.hidden: hands.OwnContext | None = None  # left while the application had another context current
        _all.add(self)

    @property
    def alive(self) -> bool:
        """Whether it may yet ask for more; a thread that has ended has no worker."""
        task = None if self.task is None else self.task()
        return self.task is None or (task is not None and not task.done())

    @property
    def runs_here(self) -> bool:
        """Whether it is the thread or task that runs now."""
        return self is known()

    def take(self, processing: Processing, queue: object, item: object, frame: FrameType | None) -> None:
        """Work on a message that was got just now."""
        for work in self.works[:]:
            if work.processing.done or work.queue() is None:
                self._remove(work)
                work.finish(GeneratorExit())
        _give_up_what_is_over()
        hands.take(processing)
        code = self._code(frame, item)
        if self.task is None:  # how a task ended is known
            processing.keeper = weakref.ref(self if code is None else code)
        self.works.append(hands.Work(processing, queue, code))

    def asks(self, queue: object) -> None:
        """Go on from what was got from a queue last, since the next is asked for."""
        self._uncover()
        for code in self.codes:
            code.settle()
        work = self._at(queue)
        if work is None:
            return
        self._remove(work)
        error = unwinding.leaving_error(work.pending_error)
        work.processing.went_on = 0 if error is not None else time.time_ns()
        if error is not None or work.code is None:
            work.finish(error or GeneratorExit())
        elif work.handed_on:
            work.finish()
        else:
            work.code.keep(work)

    def done(self, queue: object) -> None:
        """Finish what was got from a queue last, or has been kept for longest."""
        work = self._at(queue)
        if work is not None:
            self._remove(work)
        else:
            work = next((work for code in self.codes for work in code.kept if work.queue() is queue), None)
            if work is None or work.code is None:
                return
            work.code.kept.remove(work)
        work.asked_at = 0
        work.finish(unwinding.leaving_error(work.pending_error))

    def note_handed_on(self, processing: Processing) -> None:
        """Remember that a message at work was put into a queue again."""
        for work in self.works:
            work.handed_on |= work.processing is processing

    def finish_block(self, processing: Processing) -> None:
        """Finish the work on a message, at the end of the library's block around it."""
        for work in [work for work in self.works if work.processing is processing]:
            self._remove(work)
            work.finish()

    def leave(self, code: FollowedCode) -> list[hands.Work]:
        """Leave code that is over; return what it was at, the newest first."""
        left = [work for work in reversed(self.works) if work.code is code]
        for work in left:
            self._remove(work)
            work.code, work.processing.keeper = None, weakref.ref(self) if self.task is None else None
        self._uncover()
        if code in self.codes:
            self.codes.remove(code)
        code.give_up()
        return left

    def join(self, code: FollowedCode, other: FollowedCode) -> None:
        """Let what was at work in a function's code go on in that of its caller."""
        moved = [work for work in self.works if work.code is code]
        for work in (*moved, *code.kept):
            work.code, work.processing.keeper = other, weakref.ref(other)
        other.kept.extend(code.kept)
        code.kept.clear()
        self.codes.remove(code)
        if code.watch is not None and other.watch is not None:
            other.watch.record_id = code.watch.record_id
            code.watch.close()

    def following(self, watch: unwinding.FrameWatch) -> FollowedCode | None:
        """Return other code that follows the frame of a watch, None without any."""
        for code in self.codes:
            other = code.watch
            if other is not None and other is not watch and other.frame_id == watch.frame_id:
                return code
        return None

    def step_out(self) -> None:
        """Restore what was current before the first message at work."""
        for work in reversed(self.works):
            if work.place is not None:
                work.place.leave()
                work.place = None

    def forget(self) -> None:
        """Follow nothing any more."""
        for code in self.codes:
            if code.watch is not None:
                code.watch.close()
        self.codes.clear()
        self.works.clear()
        self.hidden = None

    def _at(self, queue: object) -> hands.Work | None:
        return next((work for work in reversed(self.works) if work.queue() is queue), None)

    def _remove(self, work: hands.Work) -> None:
        self.works.remove(work)
        if work.place is not None:
            for other in self.works:
                if other.place is not None and other.place.outer is work.place.context:
                    other.place.outer = work.place.outer
            self.hidden = self.hidden if work.place.leave() else work.place
            work.place = None

    def _uncover(self) -> None:
        if self.hidden is not None and self.hidden.leave():
            self.hidden = None

    def _code(self, frame: FrameType | None, item: object) -> FollowedCode | None:
        if frame is None or frame.f_code.co_flags & _GENERATOR:  # who works on what is yielded nobody sees
            return None
        exact = unwinding.tells()
        if not exact and not self._runs(frame):
            return None
        code = next((code for code in self.codes if code.watch is None or code.watch.follows(frame)), None)
        if code is None:
            code = FollowedCode(self, frame, item)
            self.codes.append(code)
            _followed.append(code)
        elif code.watch is not None:
            code.watch.record_id = id(item)
        return code

    def _runs(self, frame: FrameType) -> bool:
        # It is the function of the thread, or the task's coroutine.
        task = None if self.task is None else self.task()
        if task is not None:
            return getattr(task.get_coro(), "cr_frame", None) is frame
        return frame.f_back is not None and frame.f_back.f_code in _THREAD_CODE


_all: WeakSet[Worker] = WeakSet()
_followed: deque[FollowedCode] = deque()
_by_thread = threading.local()
_by_task: WeakKeyDictionary[Task[Any], Worker] = WeakKeyDictionary()


def _give_up_what_is_over() -> None:
    # That of threads and tasks that have ended where the interpreter does not tell it.
    for _ in range(min(2, len(_followed))):
        with suppress(IndexError):  # another thread was faster
            code = _followed.popleft()
            if code.alive:
                _followed.append(code)
            else:
                code.give_up()


def known(task: Task[Any] | None = None) -> Worker | None:
    """Return what is known of a task, or of the thread or task that runs; None if it has got no message."""
    task = task or running_task()
    return getattr(_by_thread, "worker", None) if task is None else _by_task.get(task)


def this(task: Task[Any] | None = None) -> Worker:
    """Return a task, or the thread or task that runs, as a worker."""
    worker, task = known(task), task or running_task()
    if worker is None:
        worker = Worker(task)
        if task is None:
            _by_thread.worker = worker
        else:
            _by_task[task] = worker
    return worker


def step_out() -> None:
    """Restore what was current here before messages that were got from queues; elsewhere nobody can."""
    worker = known()
    if worker is not None:
        worker.step_out()


@on_reset
@on_fork
def forget() -> None:
    """Forget what every worker is at."""
    _followed.clear()
    for worker in list(_all):
        worker.forget()
