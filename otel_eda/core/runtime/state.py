"""State that the whole process shares: who owns it says how it begins anew.

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
    """Have a step done whenever we are switched off; a decorator that gives the step itself."""
    _resets.append(step)
    return step


def on_fork(step: Step) -> Step:
    """Have a step done in every forked child; a decorator that gives the step itself."""
    _after_fork.append(step)
    return step


def reset() -> None:
    """Begin anew, as in a process that has just started; owners go in the order in which they registered."""
    for step in _resets:
        step()


def _run_after_fork() -> None:
    for step in _after_fork:
        step()


os.register_at_fork(after_in_child=_run_after_fork)
