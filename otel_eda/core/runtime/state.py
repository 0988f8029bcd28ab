"""Steps by which the owners of process-wide state reset it.

Owners register here, so that `disable()`, a fork and the tests need not know whose state there is.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Step = TypeVar("Step", bound="Callable[[], object]")

_resets: list[Callable[[], object]] = []
_after_fork: list[Callable[[], object]] = []


def on_reset(step: Step) -> Step:
    """Register a step that runs whenever otel-eda is switched off; return the step, for use as a decorator."""
    _resets.append(step)
    return step


def on_fork(step: Step) -> Step:
    """Register a step that runs in every forked child; return the step, for use as a decorator."""
    _after_fork.append(step)
    return step


def reset() -> None:
    """Run every reset step, in the order of registration; the state is then that of a process that has just started."""
    for step in _resets:
        step()


def _run_after_fork() -> None:
    for step in _after_fork:
        step()


os.register_at_fork(after_in_child=_run_after_fork)
