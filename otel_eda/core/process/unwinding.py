"""How the body of a loop was left: at its end, by `break`, by an exception, or not at all.

From Python 3.12 on `sys.monitoring` (PEP 669) tells exactly. Before, the instruction that drops the loop's iterator
tells an exception from `break`, but not which exception; where it tells nothing the body counts as abandoned, never
as done.
"""

from __future__ import annotations

import dis
import inspect
import sys
import threading
from typing import TYPE_CHECKING, Any

from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.state import on_reset

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType


_TOOLS = (4, 3)  # the ids that PEP 669 reserves for nobody


_NAME = "otel_eda"


_LEFT = {"POP_TOP", "FOR_ITER", "END_FOR", "POP_ITER"}


SUSPENDABLE = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


_SUSPENDED = {"YIELD_VALUE", "RESUME"}


class UnknownError(Exception):
    """An exception left the body, but which one cannot be known before Python 3.12."""


class FrameWatch:
    """Follows the frame that runs a loop's body, or one that has pulled a message, without keeping it alive.

    A frame that gives what it has `pulled` to its caller only fetches it: then the caller's is followed.
    """

    __slots__ = ("code", "error", "frame", "pulled", "unwound")

    def __init__(self, frame: FrameType, unwound: Callable[[BaseException], None], pulled: object = None) -> None:
        self.error: BaseException | None = None
        self.unwound = unwound
        self.pulled = None if pulled is None else id(pulled)
        self._follow(frame)

    def _follow(self, frame: FrameType) -> None:
        self.frame = id(frame)
        self.code = frame.f_code
        _watched.setdefault(self.frame, []).append(self)
        if _monitoring is not None:
            _monitoring.start()
            if self.pulled is not None:
                _monitoring.follow(self.code)

    def follows(self, frame: FrameType) -> bool:
        """Tell whether this is the frame that it follows."""
        return self.frame == id(frame) and self.code is frame.f_code

    def returned(self, frame: FrameType, result: object) -> None:
        """Note that the frame returns: follow its caller, if that gets the message, else nothing any longer."""
        awaited, caller = frame.f_code.co_flags & SUSPENDABLE, frame.f_back
        self.close()
        if caller is not None and id(result) == self.pulled and awaited == caller.f_code.co_flags & awaited:
            self._follow(caller)

    def close(self) -> None:
        """Follow no longer."""
        self.error = None
        others = _watched.get(self.frame, [])
        if self in others:
            others.remove(self)
        if not others:
            _watched.pop(self.frame, None)
        self.frame = 0  # another frame may be in its place one day

    def outcome(self, dropping: FrameType | None) -> BaseException | None:
        """Tell why the loop's iterator is dropped by this frame: None for the loop's own end or `break`.

        `GeneratorExit` stands for a body that was abandoned, `UnknownError` for an exception that is not known.
        """
        here = dropping is not None and self.follows(dropping)
        if _monitoring is not None and _monitoring.works:
            # Since Python 3.13 a generator may be closed without an exception.
            suspended = not here and self.code.co_flags & SUSPENDABLE
            return self.error or (GeneratorExit() if suspended else None)
        if dropping is None or not here:
            return GeneratorExit()
        return _guess(dropping)


def _guess(frame: FrameType) -> BaseException | None:
    code, last = frame.f_code.co_code, frame.f_lasti
    # Before Python 3.11 a coroutine that awaits stands right before the instruction that does.
    name, following = dis.opname[code[last]], dis.opname[code[last + 2]] if last + 2 < len(code) else ""
    if name in _LEFT:
        return None
    return GeneratorExit() if name in _SUSPENDED or following == "YIELD_FROM" else UnknownError()


_watched: dict[int, list[FrameWatch]] = {}


class _Monitoring:
    """Our registration as a tool of `sys.monitoring`, made at the first loop and given up by `stop`."""

    def __init__(self, api: Any) -> None:
        self.api = api
        self.tool: int | None = None
        self.full = False
        self.lock = threading.Lock()

    @property
    def works(self) -> bool:
        return self.tool is not None

    def start(self) -> None:
        if self.tool is None and not self.full:
            with self.lock:
                if self.tool is None:
                    self._start()

    def _start(self) -> None:
        free = [tool for tool in _TOOLS if self.api.get_tool(tool) is None]
        self.full = not free
        if not free:
            return
        self.api.use_tool_id(free[0], _NAME)
        events = self.api.events
        self.api.register_callback(free[0], events.RAISE, _raised)
        self.api.register_callback(free[0], events.RERAISE, _raised)
        self.api.register_callback(free[0], events.PY_THROW, _raised)
        self.api.register_callback(free[0], events.EXCEPTION_HANDLED, _handled)
        self.api.register_callback(free[0], events.PY_UNWIND, _unwound)
        self.api.register_callback(free[0], events.PY_RETURN, _returned)
        raised = events.RAISE | events.RERAISE | events.PY_THROW
        self.api.set_events(free[0], raised | events.EXCEPTION_HANDLED | events.PY_UNWIND)
        self.tool = free[0]

    def follow(self, code: CodeType) -> None:
        """Be told when a frame of this code returns: it may have pulled a message, and another frame take its place."""
        events = self.api.events.PY_RETURN
        if self.tool is not None and not self.api.get_local_events(self.tool, code) & events:
            self.api.set_local_events(self.tool, code, events)

    def stop(self) -> None:
        with self.lock:
            if self.tool is not None:
                self.api.set_events(self.tool, 0)
                self.api.free_tool_id(self.tool)
            self.tool, self.full = None, False


@on_reset
def stop() -> None:
    """Follow no exceptions any more, until the next loop."""
    if _monitoring is not None:
        _monitoring.stop()


@guarded
def _raised(code: CodeType, _: int, error: BaseException) -> None:
    for watch in _in_frame(code):
        watch.error = error


@guarded
def _handled(code: CodeType, _: int, __: BaseException) -> None:
    for watch in _in_frame(code):
        watch.error = None


@guarded
def _unwound(code: CodeType, _: int, error: BaseException) -> None:
    for watch in _in_frame(code):
        watch.unwound(error)
        watch.close()  # its error would keep the frame, and with it the loop, forever


@guarded
def _returned(code: CodeType, _: int, result: object) -> None:
    for watch in _in_frame(code):
        if watch.pulled is not None:
            watch.returned(sys._getframe(2), result)


def _in_frame(code: CodeType) -> list[FrameWatch]:
    # Looked up for every exception anywhere in the process, so the usual answer must come at once.
    if not _watched:
        return []
    frame = sys._getframe(3)  # beneath us: the callback and the guard around it
    return [watch for watch in _watched.get(id(frame), ()) if watch.code is code]


_monitoring = _Monitoring(sys.monitoring) if hasattr(sys, "monitoring") else None
