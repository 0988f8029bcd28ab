"""Keeps every failure of ours away from the application."""

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
"""How often each of our steps failed, for `otel-eda doctor`: that we are switched off does not make it undone."""


def failed(step: str, error: BaseException) -> None:
    """Note that a step of ours failed: logged the first time, counted ever after.

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
        self.seen: dict[str, logging.LogRecord] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether it is news."""
        message = record.getMessage()
        return len(self.seen) < MAX_MESSAGES and self.seen.setdefault(message, record) is record


log_once = LogOnce()
on_reset(log_once.seen.clear)


logging.getLogger("otel_eda").addFilter(log_once)
