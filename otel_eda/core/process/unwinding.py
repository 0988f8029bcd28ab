"""How the body of a loop was left: at its end, by `break`, by an exception, or not at all.

From Python 3.12 on `sys.monitoring` (PEP 669) tells exactly. Before, the instruction that drops the loop's iterator
tells an exception from `break`, but not which exception; where it tells nothing the body counts as abandoned, never
as done.
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
from otel_eda.core.runtime.state import on_reset

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType


_FREE_TOOL_IDS = (4, 3)  # the ids that PEP 669 reserves for nobody


_TOOL_NAME = "otel_eda"


_LOOP_END_INSTRUCTIONS = {"POP_TOP", "FOR_ITER", "END_FOR", "POP_ITER"}


SUSPENDABLE = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


_SUSPENDED_INSTRUCTIONS = {"YIELD_VALUE", "RESUME"}


class UnknownError(Exception):
    """An exception left the body, but which one cannot be known before Python 3.12."""


class FrameWatch:
    """Follows the frame that runs a loop's body, or one that has pulled a message, without keeping it alive.

    A frame that gives what it has `pulled` to its caller only fetches it: then the caller's is followed.
    """

    __slots__ = ("code", "error", "frame_id", "on_error", "record_id")

    def __init__(self, frame: FrameType, unwound: Callable[[BaseException], None], pulled: object = None) -> None:
        self.error: BaseException | None = None
        self.on_error = unwound
        self.record_id = None if pulled is None else id(pulled)
        self._follow(frame)

    def _follow(self, frame: FrameType) -> None:
        self.frame_id = id(frame)
        self.code = frame.f_code
        _watches_by_frame.setdefault(self.frame_id, []).append(self)
        if _monitoring is not None:
            _monitoring.start()
            if self.record_id is not None:
                _monitoring.watch_returns(self.code)

    def follows(self, frame: FrameType) -> bool:
        """Tell whether this is the frame that it follows."""
        return self.frame_id == id(frame) and self.code is frame.f_code

    def follow_caller(self, frame: FrameType, result: object) -> None:
        """Note that the frame returns: follow its caller, if that gets the message, else nothing any longer."""
        awaited, caller = frame.f_code.co_flags & SUSPENDABLE, frame.f_back
        self.close()
        if caller is not None and id(result) == self.record_id and awaited == caller.f_code.co_flags & awaited:
            self._follow(caller)

    def close(self) -> None:
        """Follow no longer."""
        self.error = None
        others = _watches_by_frame.get(self.frame_id, [])
        if self in others:
            others.remove(self)
        if not others:
            _watches_by_frame.pop(self.frame_id, None)
        self.frame_id = 0  # another frame may be in its place one day

    def outcome(self, dropping: FrameType | None) -> BaseException | None:
        """Tell why the loop's iterator is dropped by this frame: None for the loop's own end or `break`.

        `GeneratorExit` stands for a body that was abandoned, `UnknownError` for an exception that is not known.
        """
        here = dropping is not None and self.follows(dropping)
        if _monitoring is not None and _monitoring.active:
            # Since Python 3.13 a generator may be closed without an exception.
            suspended = not here and self.code.co_flags & SUSPENDABLE
            return self.error or (GeneratorExit() if suspended else None)
        if dropping is None or not here:
            return GeneratorExit()
        return _outcome_by_instruction(dropping)


def _outcome_by_instruction(frame: FrameType) -> BaseException | None:
    code, last = frame.f_code.co_code, frame.f_lasti
    # Before Python 3.11 a coroutine that awaits stands right before the instruction that does.
    name, following = dis.opname[code[last]], dis.opname[code[last + 2]] if last + 2 < len(code) else ""
    if name in _LOOP_END_INSTRUCTIONS:
        return None
    return GeneratorExit() if name in _SUSPENDED_INSTRUCTIONS or following == "YIELD_FROM" else UnknownError()


def handled_error() -> BaseException | None:
    """Return the exception that is being handled here, whoever handles it, or None."""
    return sys.exc_info()[1]


def leaving_error(known: BaseException | None) -> BaseException | None:
    """Return the exception that is on its way out while a `finally` or a `with` clears up, or None.

    `known` is one that was being handled before. An exception that an `except` clause keeps is none.
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
    """Tell whether a frame stands at the instruction by which a `for` loop comes for its next item."""
    return dis.opname[frame.f_code.co_code[frame.f_lasti]] == "FOR_ITER"


_collecting: WeakKeyDictionary[CodeType, dict[int, bool]] = WeakKeyDictionary()


def only_collects(frame: FrameType) -> bool:
    """Tell whether the loop that a frame stands at is a comprehension that keeps, or filters, the items themselves."""
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
    """Our registration as a tool of `sys.monitoring`, made at the first loop and given up by `stop`."""

    def __init__(self, api: Any) -> None:
        self.api = api
        self.tool_id: int | None = None
        self.no_free_id = False
        self.lock = threading.Lock()

    @property
    def active(self) -> bool:
        return self.tool_id is not None

    def start(self) -> None:
        if self.tool_id is None and not self.no_free_id:
            with self.lock:
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
        """Be told when a frame of this code returns: it may have pulled a message, and another frame take its place."""
        events = self.api.events.PY_RETURN
        if self.tool_id is not None and not self.api.get_local_events(self.tool_id, code) & events:
            self.api.set_local_events(self.tool_id, code, events)

    def stop(self) -> None:
        with self.lock:
            if self.tool_id is not None:
                self.api.set_events(self.tool_id, 0)
                self.api.free_tool_id(self.tool_id)
            self.tool_id, self.no_free_id = None, False


@on_reset
def stop_monitoring() -> None:
    """Follow no exceptions any more, until the next loop."""
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
        watch.close()  # its error would keep the frame, and with it the loop, forever


@guarded
def _on_return(code: CodeType, _: int, result: object) -> None:
    for watch in _watches_of_caller(code):
        if watch.record_id is not None:
            watch.follow_caller(sys._getframe(2), result)


def _watches_of_caller(code: CodeType) -> list[FrameWatch]:
    # Looked up for every exception anywhere in the process, so the usual answer must come at once.
    if not _watches_by_frame:
        return []
    frame = sys._getframe(3)  # beneath us: the callback and the guard around it
    return [watch for watch in _watches_by_frame.get(id(frame), ()) if watch.code is code]


_monitoring = _Monitoring(sys.monitoring) if hasattr(sys, "monitoring") else None
