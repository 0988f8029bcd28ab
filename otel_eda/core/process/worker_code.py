"""Code of threads and tasks that get messages from queues: how it ends decides what is known of its messages."""

from __future__ import annotations

import time
import weakref
from collections import deque
from typing import TYPE_CHECKING, Protocol

from otel_eda.core.process import hands, unwinding

if TYPE_CHECKING:
    from types import FrameType


_LOOKED_AT = 2  # messages that are held yet; no other pays for more


class CodeOwner(Protocol):
    """The thread or task that runs the code."""

    works: list[hands.Work]
    codes: list[FollowedCode]

    @property
    def alive(self) -> bool:
        """Whether it may yet ask for more."""

    @property
    def runs_here(self) -> bool:
        """Whether it is the thread or task that runs now."""

    def leave(self, code: FollowedCode) -> list[hands.Work]:
        """Leave code that is over; return what it was at, the newest first."""

    def join(self, code: FollowedCode, other: FollowedCode) -> None:
        """Let what was at work in a function's code go on in that of its caller."""

    def following(self, watch: unwinding.FrameWatch) -> FollowedCode | None:
        """Return other code that follows the frame of a watch, None without any."""


class FollowedCode:
    """Code of a worker that is followed; `kept` are messages that it may keep, though it has asked for more since."""

    __slots__ = ("__weakref__", "kept", "watch", "worker")

    def __init__(self, worker: CodeOwner, frame: FrameType, item: object) -> None:
        self.worker = weakref.ref(worker)
        self.kept: deque[hands.Work] = deque()
        self.watch = _CodeWatch(self, frame, item) if unwinding.tells() else None

    @property
    def alive(self) -> bool:
        """Whether it may yet ask for more."""
        worker = self.worker()
        return worker is not None and worker.alive and self in worker.codes

    def keep(self, work: hands.Work) -> None:
        """Finish the work on a message as soon as nobody holds it: until then it may be part of a batch."""
        work.asked_at = time.time_ns()
        work.processing.keeper = weakref.ref(self)
        self.kept.append(work)
        self.settle()

    def settle(self) -> None:
        """Finish the work on messages that nobody holds any more."""
        held = 0
        for _ in range(len(self.kept)):
            work = self.kept.popleft()
            if not work.processing.message_is_held or work.processing.done:
                work.finish()
                continue
            self.kept.append(work)
            held += 1
            if held == _LOOKED_AT:
                return

    def give_up(self) -> None:
        """Follow the code no longer: of what is held yet, or may have been dropped by an error, nobody knows."""
        if self.watch is not None:
            self.watch.close()
        while self.kept:
            work = self.kept.popleft()
            known = self.watch is not None and not work.processing.message_is_held
            work.finish(None if known else GeneratorExit())

    def unwound(self, error: BaseException) -> None:
        """Finish what the code is at: the last message it got has failed, of others nobody knows."""
        worker = self._here()
        for work in () if worker is None else worker.leave(self):
            work.finish(error)
            error = GeneratorExit()

    def returned(self) -> None:
        """Go on in the code that the message was returned to, if it was."""
        worker, watch = self._here(), self.watch
        if worker is None or watch is None:
            return
        if not watch.frame_id:
            worker.works += reversed(worker.leave(self))  # it may yet say that they are done
        elif (same := worker.following(watch)) is not None:
            worker.join(self, same)

    def _here(self) -> CodeOwner | None:
        # A suspended coroutine may be dropped unseen, and a frame of another task have its address.
        worker = self.worker()
        return worker if worker is not None and worker.runs_here else None


class _CodeWatch(unwinding.FrameWatch):
    """Follows the frame of code that works on a message."""

    __slots__ = ("worked",)

    def __init__(self, code: FollowedCode, frame: FrameType, item: object) -> None:
        self.worked = code
        super().__init__(frame, code.unwound, item)

    def follow_caller(self, frame: FrameType, result: object) -> None:
        """Follow the caller of a frame that returns the message."""
        super().follow_caller(frame, result)
        self.worked.returned()
