"""How a loop's body was left: at its end, by `break`, by an exception, or not at all.

From Python 3.12 on `sys.monitoring` tells exactly (https://peps.python.org/pep-0669/). Before, the instruction that
drops the loop's iterator distinguishes an exception from `break`, but not which exception; where the instruction tells
nothing, the body counts as abandoned, never as done.
"""

from __future__ import annotations

import dis
import inspect
import itertools
import sys
import threading
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.state import on_fork, on_reset

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType


_FREE_TOOL_IDS = (4, 3)  # PEP 669 suggests the other ids for debuggers, coverage, profilers and optimizers


_TOOL_NAME = "otel_eda"


_LOOP_END_INSTRUCTIONS = {"POP_TOP", "FOR_ITER", "END_FOR", "POP_ITER"}


SUSPENDABLE = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


_SUSPENDED_INSTRUCTIONS = {"YIELD_VALUE", "RESUME"}


class UnknownError(Exception):
    """An exception that has left a loop's body, where Python before 3.12 does not tell which."""


class FrameWatch:
    """Follows the frame that runs a loop's body, or that has pulled a message, without keeping the frame alive.

    `on_error` is called with the exception that unwinds the frame. A frame that returns the message of `record_id` to
    its caller has only fetched it: then the caller's frame is followed.
    """

    __slots__ = ("began_at", "code", "error", "frame_id", "on_error", "record_id")

    def __init__(self, frame: FrameType, unwound: Callable[[BaseException], None], pulled: object = None) -> None:
        self.error: BaseException | None = None
        self.on_error = unwound
        self.record_id = None if pulled is None else id(pulled)
        self._follow(frame)

    def _follow(self, frame: FrameType) -> None:
        self.frame_id, self.began_at = id(frame), frame.f_lasti
        self.code = frame.f_code
        with _locks.watches:
            _watches_by_frame[self.frame_id] = [*_watches_by_frame.get(self.frame_id, ()), self]
        if _monitoring is not None:
            _monitoring.start()
            if self.record_id is not None:
                _monitoring.watch_returns(self.code)

    def follows(self, frame: FrameType) -> bool:
        """Return whether this is the frame that is followed."""
        return self.frame_id == id(frame) and self.code is frame.f_code

    def within_a_call(self, frame: FrameType | None) -> bool:
        """Return whether a frame still stands at the call that first asked the loop's iterator, as `next(iter(…))`.

        How such a call ends is not known: it may have got an exception, or only what it came for.
        """
        return frame is not None and self.follows(frame) and self.began_at == frame.f_lasti and not loops_at(frame)

    def follow_caller(self, frame: FrameType, result: object) -> None:
        """Follow the caller of a frame that returns the pulled message; stop if it returns anything else."""
        awaited, caller = frame.f_code.co_flags & SUSPENDABLE, frame.f_back
        self.close()
        if caller is not None and id(result) == self.record_id and awaited == caller.f_code.co_flags & awaited:
            self._follow(caller)

    def close(self) -> None:
        """Stop following."""
        self.error = None
        with _locks.watches:
            frame_id, self.frame_id = self.frame_id, 0  # another frame may get its address
            # Another thread's frame may have the address of one that is gone, and its watch be in the same list.
            others = [watch for watch in _watches_by_frame.get(frame_id, ()) if watch.frame_id]
            if others:
                _watches_by_frame[frame_id] = others
            else:
                _watches_by_frame.pop(frame_id, None)

    def outcome(self, dropping: FrameType | None) -> BaseException | None:
        """Return why this frame drops the loop's iterator: None at the loop's end or `break`, else an exception.

        `GeneratorExit` stands for a body that was abandoned, `UnknownError` for an exception that is not known.
        """
        here = dropping is not None and self.follows(dropping)
        if _monitoring is not None and _monitoring.active:
            # Newer versions may close a generator without a throw (https://github.com/python/cpython/issues/100762).
            suspended = not here and self.code.co_flags & SUSPENDABLE
            return self.error or (GeneratorExit() if suspended or self.within_a_call(dropping) else None)
        if dropping is None or not here or self.within_a_call(dropping):
            return GeneratorExit()
        return _outcome_by_instruction(dropping)


def _outcome_by_instruction(frame: FrameType) -> BaseException | None:
    code, last = frame.f_code.co_code, frame.f_lasti
    # Before Python 3.11 `f_lasti` of a coroutine that awaits is the instruction before `YIELD_FROM`.
    name, following = dis.opname[code[last]], dis.opname[code[last + 2]] if last + 2 < len(code) else ""
    if name in _LOOP_END_INSTRUCTIONS:
        return None
    return GeneratorExit() if name in _SUSPENDED_INSTRUCTIONS or following == "YIELD_FROM" else UnknownError()


class _Locks:
    """The locks of this module, which a thread may take twice: the garbage collector may have it do so."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Make them anew, in a forked child: a thread that there is no more may hold them."""
        self.watches, self.monitoring = threading.RLock(), threading.RLock()


_locks = _Locks()
on_fork(_locks.renew)


def tells() -> bool:
    """Return whether the interpreter tells how every frame ends, so that a watch cannot outlive its frame unseen."""
    if _monitoring is not None:
        _monitoring.start()
    return _monitoring is not None and _monitoring.active


def leaving_error(known: BaseException | None) -> BaseException | None:
    """Return the exception that leaves while a `finally` or a `with` cleans up, or None.

    `known` is an exception that was being handled before. One that an `except` clause keeps does not leave.
    """
    error = sys.exc_info()[1]
    trace = None if error is None or error is known else error.__traceback__
    return error if trace is not None and _goes_on(trace.tb_frame) else None


def _goes_on(frame: FrameType) -> bool:
    # The frame stands in the handler: what comes first, the end of the handling or another raise?
    code = frame.f_code.co_code
    for place in range(frame.f_lasti, len(code), 2):
        name = dis.opname[code[place]]
        if name in _RAISES or name == "POP_EXCEPT":
            return name in _RAISES
    return False


_RAISES = {"RERAISE", "RAISE_VARARGS"}


def loops_at(frame: FrameType) -> bool:
    """Return whether a frame stands at the instruction by which a `for` loop asks for its next item."""
    return dis.opname[frame.f_code.co_code[frame.f_lasti]] == "FOR_ITER"


_collecting: WeakKeyDictionary[CodeType, dict[int, bool]] = WeakKeyDictionary()


def only_collects(frame: FrameType) -> bool:
    """Return whether the loop at which a frame stands is a comprehension that only keeps or filters its items."""
    known = _collecting.setdefault(frame.f_code, {})
    if frame.f_lasti not in known:
        known[frame.f_lasti] = loops_at(frame) and _collects(frame.f_code, frame.f_lasti)
    return known[frame.f_lasti]


def _collects(code: CodeType, at: int) -> bool:
    # FOR_ITER, STORE_FAST item, …, LOAD_FAST item, LIST_APPEND: nothing is made of the item.
    found = [one for one in dis.get_instructions(code) if one.offset >= at]
    end = next((one.argval for one in found[:1]), at)
    body = [one for one in found[1:] if one.offset < end]
    if not body or not body[0].opname.startswith("STORE_FAST"):
        return False
    item = body[0].argval[0] if isinstance(body[0].argval, tuple) else body[0].argval
    before = next((one for one, after in itertools.pairwise(body) if after.opname in {"LIST_APPEND", "SET_ADD"}), None)
    loaded = before.argval[-1] if before is not None and isinstance(before.argval, tuple) else before and before.argval
    return before is not None and "LOAD_FAST" in before.opname and loaded == item


_watches_by_frame: dict[int, list[FrameWatch]] = {}


class _Monitoring:
    """Our registration as a tool of `sys.monitoring`: made at the first loop, given up by `stop_monitoring`."""

    def __init__(self, api: Any) -> None:
        self.api = api
        self.tool_id: int | None = None
        self.no_free_id = False

    @property
    def active(self) -> bool:
        return self.tool_id is not None

    def start(self) -> None:
        if self.tool_id is None and not self.no_free_id:
            with _locks.monitoring:
                if self.tool_id is None:
                    self._start()

    def _start(self) -> None:
        free = [tool for tool in _FREE_TOOL_IDS if self.api.get_tool(tool) is None]
        self.no_free_id = not free
        if not free:
            return
        self.api.use_tool_id(free[0], _TOOL_NAME)
        events = self.api.events
        self.api.register_callback(free[0], events.RAISE, _on_raise)
        self.api.register_callback(free[0], events.RERAISE, _on_raise)
        self.api.register_callback(free[0], events.PY_THROW, _on_raise)
        self.api.register_callback(free[0], events.EXCEPTION_HANDLED, _on_handled)
        self.api.register_callback(free[0], events.PY_UNWIND, _on_unwind)
        self.api.register_callback(free[0], events.PY_RETURN, _on_return)
        raised = events.RAISE | events.RERAISE | events.PY_THROW
        self.api.set_events(free[0], raised | events.EXCEPTION_HANDLED | events.PY_UNWIND)
        self.tool_id = free[0]

    def watch_returns(self, code: CodeType) -> None:
        """Ask for the returns of a code's frames: one may have pulled a message and return it to its caller."""
        events = self.api.events.PY_RETURN
        with _locks.monitoring:  # another thread may switch us off
            if self.tool_id is not None and not self.api.get_local_events(self.tool_id, code) & events:
                self.api.set_local_events(self.tool_id, code, events)

    def stop(self) -> None:
        with _locks.monitoring:
            if self.tool_id is not None:
                self.api.set_events(self.tool_id, 0)
                self.api.free_tool_id(self.tool_id)
            self.tool_id, self.no_free_id = None, False


@on_reset
def stop_monitoring() -> None:
    """Release the id of our tool; the next loop registers again."""
    if _monitoring is not None:
        _monitoring.stop()


@guarded
def _on_raise(code: CodeType, _: int, error: BaseException) -> None:
    for watch in _watches_of_caller(code):
        watch.error = error


@guarded
def _on_handled(code: CodeType, _: int, __: BaseException) -> None:
    for watch in _watches_of_caller(code):
        watch.error = None


@guarded
def _on_unwind(code: CodeType, _: int, error: BaseException) -> None:
    for watch in _watches_of_caller(code):
        watch.on_error(error)
        watch.close()  # the error's traceback would keep the frame, and with it the loop, for ever


@guarded
def _on_return(code: CodeType, _: int, result: object) -> None:
    for watch in _watches_of_caller(code):
        if watch.record_id is not None:
            watch.follow_caller(sys._getframe(2), result)


def _watches_of_caller(code: CodeType) -> list[FrameWatch]:
    # Called for every exception of the process: without watches it must return at once.
    if not _watches_by_frame:
        return []
    frame = sys._getframe(3)  # below are this function, the callback, and the guard around it
    return [watch for watch in _watches_by_frame.get(id(frame), ()) if watch.code is code]


_monitoring = _Monitoring(sys.monitoring) if hasattr(sys, "monitoring") else None
