"""What finalizers do, put off where the garbage collector calls them: it does so in the middle of anything.

Before Python 3.12 that may be within `ContextVar.set`, where another `set` frees what the first one works on: the
interpreter crashes. In any version it may be in a block that holds a lock which its thread cannot take twice, as the
SDK's exporters and readers do: the thread waits for ever.
"""

from __future__ import annotations

import gc
from collections import deque
from threading import get_ident
from typing import TYPE_CHECKING

from otel_eda.core.runtime.state import on_fork, on_reset

if TYPE_CHECKING:
    from collections.abc import Callable

left: deque[Callable[[], object]] = deque()
"""The steps that were put off; whoever begins an operation takes them first."""
_collector: int | None = None  # the thread that collects garbage now


def take(step: Callable[[], object]) -> None:
    """Take a step of a finalizer, or put it off if the garbage collector is what runs it; the step must not raise."""
    if _collector == get_ident():
        left.append(step)
    else:
        step()


def take_left() -> None:
    """Take the steps that were put off; several threads may at once."""
    while left:
        try:
            step = left.popleft()
        except IndexError:  # another thread has taken the last one
            return
        step()


def watch_collector() -> None:
    """Begin to note when the garbage collector runs, until otel-eda is switched off."""
    if _note not in gc.callbacks:
        gc.callbacks.append(_note)


def _note(phase: str, _: object) -> None:
    global _collector
    _collector = get_ident() if phase == "start" else None


@on_reset
def _watch_no_longer() -> None:
    global _collector
    _collector = None
    left.clear()
    if _note in gc.callbacks:
        gc.callbacks.remove(_note)


on_fork(left.clear)
