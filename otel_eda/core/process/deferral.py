"""Process spans whose code is over and whose messages may yet be processed by hand: how long they stay open."""

from __future__ import annotations

import sys
import time
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.state import on_reset

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import FrameType

    from otel_eda.core.clients.client import Client
    from otel_eda.core.clients.in_flight import OpenProcessing


_MAX_DEFERRED = 10_000


_MANUAL = f"{__package__}.manual"  # where `otel_eda.process` is


_MAX_DEFERRAL_NS = 60_000_000_000  # where the application has processed no message of the client by hand yet


uses_manual = False
"""Whether the application uses `otel_eda.process`; then a process span stays open while its message is held."""


def set_uses_manual(used: bool = True) -> None:
    """Set whether the application uses `otel_eda.process`."""
    global uses_manual
    uses_manual = used


@on_reset
def _reset() -> None:
    set_uses_manual(False)


@guarded(default=False)
def may_hand_over(frame: FrameType | None) -> bool:
    """Return whether a loop in this frame may hand messages to code that uses `otel_eda.process`.

    It may if such code has run, or if the frame's module mentions `otel_eda.process` in a function.
    """
    if uses_manual or frame is None:
        return uses_manual
    if frame.f_code not in _mentions_process_by_code:
        _mentions_process_by_code[frame.f_code] = _hands_over(frame)
    return _mentions_process_by_code[frame.f_code]


_mentions_process_by_code: WeakKeyDictionary[CodeType, bool] = WeakKeyDictionary()


def _hands_over(frame: FrameType) -> bool:
    names = frame.f_globals
    return _mentions_process(frame.f_code, names) or any(
        _mentions_process(function.__code__, function.__globals__) for function in _functions(names)
    )


def _functions(names: Mapping[str, Any]) -> Iterator[FunctionType]:
    # Those that the loop's module has, also of its classes and of modules of handlers that it imports.
    for value in list(names.values()):
        for item in (value, *list(_inside(value).values())):
            function = item.__func__ if type(item) in _AROUND_FUNCTIONS else item
            if type(function) is FunctionType:
                yield function


# The application's objects are not asked for anything: one that stands for another, as Flask's `current_app` does or
# Django's `settings`, would make that, or refuse with an exception. A lazy module has a type of its own.
_AROUND_FUNCTIONS = (classmethod, staticmethod, MethodType)
_names_in_class = type.__dict__["__dict__"].__get__


def _inside(value: Any) -> Mapping[str, Any]:
    if issubclass(type(value), type):
        names: Mapping[str, Any] = _names_in_class(value)
        return names
    names = object.__getattribute__(value, "__dict__") if type(value) is ModuleType else {}
    return names if any(map(_is_ours, list(names.values()))) else {}


def _mentions_process(code: CodeType, names: Mapping[str, Any]) -> bool:
    # `otel_eda.process`, whatever the module is called there, or `process` imported from it.
    ours = [value for value in map(names.get, code.co_names) if _is_ours(value)]
    if any(value is _process() for value in ours) or (ours and "process" in code.co_names):
        return True
    return any(_mentions_process(inner, names) for inner in code.co_consts if isinstance(inner, CodeType))


def _is_ours(value: object) -> bool:
    return value is not None and (value is sys.modules.get("otel_eda") or value is _process())


def _process() -> object:
    # Imported by whoever uses it.
    manual = sys.modules.get(_MANUAL)
    return None if manual is None else vars(manual).get("Process")


def finish_or_defer(
    processing: OpenProcessing, client: Client, defer: bool, error: BaseException | None = None, at: int | None = None
) -> None:
    """End a process span whose code is over, or was `at` a time, or defer that until nobody holds the message."""
    if processing.manual:
        processing.detach()  # the block that processes it by hand ends it
    elif error is not None or not (defer or uses_manual or processing.queued):
        processing.end_unguarded(error, at)
    else:
        processing.body_ended_at = at or time.time_ns()
        processing.detach()
        client.deferred_processing.append(processing)
    if client.deferred_processing:
        finish_unheld(client)


def finish_unheld(client: Client) -> None:
    """End deferred process spans whose messages nobody holds any more."""
    # Two at each message: messages that nobody holds cannot pile up, and no message pays for more than two.
    for _ in range(min(2, len(client.deferred_processing))):
        processing = _next_deferred(client)
        if processing is None or processing.done or processing.manual:
            continue
        if _must_wait(processing, client):
            client.deferred_processing.append(processing)
        else:
            _end(processing)


def _end(processing: OpenProcessing) -> None:
    # What was put into a queue, and nobody holds any more, was dropped, or nobody saw how the work on it ended.
    processing.end(GeneratorExit() if processing.queued else None, at=max(processing.body_ended_at, processing.start))


def _next_deferred(client: Client) -> OpenProcessing | None:
    try:
        return client.deferred_processing.popleft()
    except IndexError:  # another thread may have taken the last one
        return None


def _must_wait(processing: OpenProcessing, client: Client) -> bool:
    if len(client.deferred_processing) >= _MAX_DEFERRED:
        return False
    held = processing.message_is_held  # first: who lets go of a message has gone on before that
    if processing.went_on and _is_kept(processing):
        return True  # the worker knows how the work ended, and ends the span when it asks for more
    if not held:
        return False
    return bool(processing.queued) or client.manual or time.time_ns() - processing.body_ended_at < _MAX_DEFERRAL_NS


def _is_kept(processing: OpenProcessing) -> bool:
    keeper = None if processing.keeper is None else processing.keeper()
    return keeper is not None and keeper.alive


def finish_deferred(client: Client) -> None:
    """End all deferred process spans, unless their messages are processed by hand."""
    while (processing := _next_deferred(client)) is not None:
        if not processing.manual and not (processing.queued and processing.message_is_held):
            _end(processing)
