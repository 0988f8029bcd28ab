"""Keeps every failure of ours away from the application."""

from __future__ import annotations

import functools
import logging
from collections import Counter
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from otel_eda.config import config
from otel_eda.core.runtime.state import on_reset

if TYPE_CHECKING:
    from collections.abc import Callable


_log = logging.getLogger("otel_eda")


P = ParamSpec("P")


T = TypeVar("T")


Default = TypeVar("Default")


failures: Counter[str] = Counter()
"""How often each of our steps failed, for `otel-eda doctor`: that we are switched off does not make it undone."""


def failed(step: str, error: BaseException) -> None:
    """Note that a step of ours failed: logged with its traceback the first time, counted ever after.

    Raises the error if `OTEL_EDA_STRICT` is set.
    """
    failures[step] += 1
    if failures[step] == 1:
        _log.error("The step %r failed; the application goes on without it", step, exc_info=error)
    if config().strict:
        raise error


@overload
def guarded(function: Callable[P, T]) -> Callable[P, T | None]: ...


@overload
def guarded(*, default: Default) -> Callable[[Callable[P, T]], Callable[P, T | Default]]: ...


def guarded(function: Callable[..., Any] | None = None, *, default: object = None) -> Callable[..., Any]:
    """Make a step of ours that gives `default` instead of raising."""
    if function is None:
        return functools.partial(_guarded, default=default)
    return _guarded(function, default)


def _guarded(function: Callable[..., Any], default: object) -> Callable[..., Any]:
    step = f"{function.__module__.removeprefix('otel_eda.')}.{function.__qualname__}"

    @functools.wraps(function)
    def safe(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is ours
            failed(step, error)
            return default

    return safe


MAX_MESSAGES = 100
"""How many different messages there are until we are switched off."""


class LogOnce(logging.Filter):
    """Lets each message pass once, and no more than so many of them."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether it is news."""
        message = record.getMessage()
        if message in self.seen or len(self.seen) >= MAX_MESSAGES:
            return False
        self.seen.add(message)
        return True


log_once = LogOnce()
on_reset(log_once.seen.clear)


logging.getLogger("otel_eda").addFilter(log_once)
