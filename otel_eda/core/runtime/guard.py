"""The guard that keeps failures of otel-eda away from the application, and logs each of them once."""

from __future__ import annotations

import functools
import logging
import traceback
from collections import Counter
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from otel_eda.config import config
from otel_eda.core.runtime.locks import PatientLock
from otel_eda.core.runtime.state import on_reset

if TYPE_CHECKING:
    from collections.abc import Callable


_log = logging.getLogger("otel_eda")
_ADAPTERS = "otel_eda.adapters."


P = ParamSpec("P")


T = TypeVar("T")


Default = TypeVar("Default")


_counting = PatientLock()
failures: Counter[str] = Counter()
"""The number of failures of each step of ours, for `otel-eda doctor`; `disable()` keeps it."""


def failed(step: str, error: BaseException) -> None:
    """Count the failure of a step of ours, and log it the first time.

    With its traceback, unless an adapter has failed to read an object: that may be the application's mock or mistake.
    Raises the error if `OTEL_EDA_STRICT` is set.
    """
    with _counting.held():
        failures[step] += 1
        first = failures[step] == 1
    if first and _in_adapter(error):
        _log.warning("The step %r could not read an object: %s; it is left out", step, _in_words(error))
    elif first:
        _log.error("The step %r failed; the application goes on without it", step, exc_info=error)
    if config().strict:
        raise error


def _in_adapter(error: BaseException) -> bool:
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(str(frame.f_globals.get("__name__")).startswith(_ADAPTERS) for frame in frames)


def _in_words(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001  # an application's own, that can't be printed
        return type(error).__name__


def attribute_of(item: Any, name: str) -> Any:
    """Return an attribute of an object of the application's, or None if it has none, or asking for it fails."""
    try:
        return getattr(item, name, None)
    except Exception:  # noqa: BLE001  # whatever it is, it is the application's
        return None


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


def step_name(function: Any) -> str:
    """Return the name under which failures of a function or class of ours are counted."""
    return f"{function.__module__.removeprefix('otel_eda.')}.{function.__qualname__}"


def _guarded(function: Callable[..., Any], default: object) -> Callable[..., Any]:
    step = step_name(function)

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
        self.seen: dict[str, object] = {}  # with what stands for the record, whose exception would keep every frame

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the message of a record is logged for the first time and there is room for it."""
        text, this = record.getMessage(), object()
        return len(self.seen) < MAX_MESSAGES and self.seen.setdefault(text, this) is this


log_once = LogOnce()
on_reset(log_once.seen.clear)


logging.getLogger("otel_eda").addFilter(log_once)
