"""Turns that are over and may yet be processed by hand: which have to wait, and for how long."""

from __future__ import annotations

import sys
import time
from types import CodeType
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from otel_eda.core.runtime.state import on_reset

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from otel_eda.core.clients.client import Client
    from otel_eda.core.clients.in_flight import OpenProcessing


_MAX_DEFERRED = 10_000


_MAX_DEFERRAL_NS = 60_000_000_000  # nanoseconds a turn waits at most where nobody is known to process by hand


uses_manual = False
"""Whether the application uses `otel_eda.process`: then a turn waits for whoever still holds its message."""


def set_uses_manual(used: bool = True) -> None:
    """Note whether the application uses `otel_eda.process`."""
    global uses_manual
    uses_manual = used


@on_reset
def _reset() -> None:
    set_uses_manual(False)


def may_hand_over(frame: FrameType | None) -> bool:
    """Tell whether a loop in this frame may hand messages to code that uses `otel_eda.process`."""
    if uses_manual or frame is None:
        return uses_manual
    if frame.f_globals.get("otel_eda") is not sys.modules.get("otel_eda"):
        return False
    if frame.f_code not in _mentions_process_by_code:
        _mentions_process_by_code[frame.f_code] = any(map(_mentions_process, _codes(frame)))
    return _mentions_process_by_code[frame.f_code]


_mentions_process_by_code: WeakKeyDictionary[CodeType, bool] = WeakKeyDictionary()


def _codes(frame: FrameType) -> Iterator[CodeType]:
    yield frame.f_code
    for value in list(frame.f_globals.values()):
        for item in (value, *(vars(value).values() if isinstance(value, type) else ())):
            code = getattr(item, "__code__", None)
            if isinstance(code, CodeType):
                yield code


def _mentions_process(code: CodeType) -> bool:
    if {"otel_eda", "process"} <= set(code.co_names):
        return True
    return any(_mentions_process(inner) for inner in code.co_consts if isinstance(inner, CodeType))


def finish_or_defer(
    processing: OpenProcessing, client: Client, defer: bool, error: BaseException | None = None
) -> None:
    """End a turn whose code is over; if it may yet be processed by hand, when nobody holds its message any more."""
    if processing.manual:
        processing.detach()  # whoever processes it by hand ends it
    elif error is not None or not (defer or uses_manual):
        processing.end_unguarded(error)
    else:
        processing.body_ended_at = time.time_ns()
        processing.detach()
        client.deferred_processing.append(processing)
    if client.deferred_processing:
        finish_unheld(client)


def finish_unheld(client: Client) -> None:
    """End what waited to be processed by hand and is held by nobody any more."""
    # Two a turn: the queue can't grow by what is not held, and no message costs more than two looks.
    for _ in range(min(2, len(client.deferred_processing))):
        processing = client.deferred_processing.popleft()
        if processing.done or processing.manual:
            continue
        if _must_wait(processing, client):
            client.deferred_processing.append(processing)
        else:
            processing.end(at=processing.body_ended_at)


def _must_wait(processing: OpenProcessing, client: Client) -> bool:
    if not processing.message_is_held or len(client.deferred_processing) >= _MAX_DEFERRED:
        return False
    return client.manual or time.time_ns() - processing.body_ended_at < _MAX_DEFERRAL_NS


def finish_deferred(client: Client) -> None:
    """End what waits for being processed by hand."""
    while client.deferred_processing:
        processing = client.deferred_processing.popleft()
        if not processing.manual:
            processing.end(at=processing.body_ended_at)
