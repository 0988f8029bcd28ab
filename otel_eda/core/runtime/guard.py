"""The guard that keeps failures of otel-eda away from the application, and logs each of them once."""

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
"""The number of failures of each step of ours, for `otel-eda doctor`; `disable()` keeps it."""


def failed(step: str, error: BaseException) -> None:
    """Count the failure of a step of ours, and log it with its traceback the first time.

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
    """Return a function that returns `default` where the given one raises; a decorator, with or without arguments.

    Only `Exception` is caught: `KeyboardInterrupt`, `SystemExit` and `GeneratorExit` are not failures of ours.
    """
    if function is None:
        return functools.partial(_guarded, default=default)
    return _guarded(function, default)


def _guarded(function: Callable[..., Any], default: object) -> Callable[..., Any]:
    step = f"{function.__module__.removeprefix('otel_eda.')}.{function.__qualname__}"

    @functools.wraps(function)
    def guarded_function(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001  # it is a failure of ours
            failed(step, error)
            return default

    return guarded_function


MAX_MESSAGES = 100
"""The number of different log messages until otel-eda is switched off."""


class LogOnce(logging.Filter):
    """A filter that lets each log message pass once, and no more than `MAX_MESSAGES` different ones."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the message of a record is logged for the first time and there is room for it."""
        text = record.getMessage()
        if text in self.seen or len(self.seen) >= MAX_MESSAGES:
            return False
        self.seen.add(text)
        return True


log_once = LogOnce()
on_reset(log_once.seen.clear)


logging.getLogger("otel_eda").addFilter(log_once)
