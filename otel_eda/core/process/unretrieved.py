"""Errors of calls that a message was handed to, and for which nobody has asked: nobody can do anything about them."""

from __future__ import annotations

import weakref
from contextlib import suppress
from functools import partial
from threading import get_ident
from typing import TYPE_CHECKING, Any

from otel_eda import semconv
from otel_eda.core.runtime import finalizers
from otel_eda.core.runtime.bounds import drop_oldest
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.state import on_reset
from otel_eda.core.telemetry import events

if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import Callable

    from opentelemetry.context import Context

    from otel_eda.core.patching.patch import Function, Switch


class HandedCall:
    """A call in another thread or task that a message was handed to.

    `failed` is the context in which it failed, `retrieved` says that somebody has asked for its outcome; `holders` has
    an item for each future that has the outcome and is not dropped yet, and the one that is taken last is True. `copy`
    is the last future of asyncio's that got it, `never_asked` says that this one was dropped before anybody asked it.
    """

    def __init__(self, failed: Context | None = None) -> None:
        self.failed, self.retrieved, self.holders = failed, False, [True]
        self.copy: Callable[[], Any] = _nothing
        self.never_asked = False

    def ask(self) -> None:
        """Leave it to who asks for the outcome what comes of the message."""

    def copied(self) -> None:
        """Do the same for a copy in a future of asyncio's, unless nobody can have waited for that yet."""
        self.ask()

    def copy_was_asked(self) -> bool:
        """Return whether somebody has asked the copy, as far as that is known."""
        copy = self.copy()
        return not (self.never_asked if copy is None else getattr(copy, "_log_traceback", False))


def _nothing() -> None:
    return None


_CALL = "_otel_eda_call"  # a future's or a task's: asyncio's are made in C, show no `__dict__`, but take attributes
_NEVER = "exception was never retrieved"  # so asyncio tells of a future that is dropped
_MOST_FAILED = 1000
_failed_calls: dict[int, HandedCall] = {}  # of futures that are not dropped yet
_copying: set[int] = set()  # the threads in which asyncio copies an outcome from one future to another
on_reset(_failed_calls.clear)


@guarded
def follow(future: Any, call: HandedCall) -> None:
    """Follow a future until somebody asks for its outcome, or it is dropped."""
    future.__dict__[_CALL] = call
    weakref.finalize(future, _dropped, call).atexit = False


def call_failed(call: HandedCall) -> None:
    """Remember a call that has failed."""
    _failed_calls[id(call)] = call
    drop_oldest(_failed_calls, _MOST_FAILED)


def task_failed(task: Task[Any], failed: Context) -> None:
    """Remember a task that has failed, and in which context, as long as the task lives."""
    _mark(task, HandedCall(failed))


def _mark(future: Any, call: HandedCall) -> bool:
    with suppress(AttributeError, TypeError):  # a class of the application's may refuse attributes
        setattr(future, _CALL, call)
        return True
    return False


@guarded
def _call_of(future: Any) -> HandedCall | None:
    call = getattr(future, _CALL, None)
    return call if isinstance(call, HandedCall) else None


@guarded
def _dropped(call: HandedCall) -> None:
    if _failed_calls.pop(id(call), None) is not None:
        _let_go(call)


def _let_go(call: HandedCall) -> None:
    if call.holders.pop() and not call.retrieved:
        _report(call.failed)


def end_calls() -> None:
    """Report the calls that have failed and whose errors nobody has asked for, when the interpreter ends."""
    for call in list(_failed_calls.values()):
        _dropped(call)


def _report(failed: Context | None) -> None:
    if failed is not None:  # it may be the garbage collector that has found the future or the task
        finalizers.take(partial(guarded(events.emit), semconv.UNRETRIEVED, {}, "WARN", failed))


def wrap_outcome(original: Function, switch: Switch) -> Function:  # noqa: ARG001
    """Return a future's call that gives its outcome, which notes that somebody has asked for it."""

    def outcome(future: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return original(future, *args, **kwargs)
        finally:
            call = future.__dict__.get(_CALL)  # not before: one that waits is told late that a message was handed on
            if call is not None and get_ident() not in _copying:
                call.retrieved = True
                call.ask()

    return outcome


def wrap_copy(original: Function, switch: Switch) -> Function:  # noqa: ARG001
    """Return asyncio's function that copies the outcome of an executor's future to one that tasks await.

    It asks for the outcome in nobody's name: whether anybody wants it only the other future knows.
    """

    def copy_future_state(source: Any, dest: Any) -> Any:
        call = _call_of(source)
        if call is None:
            return original(source, dest)
        _copying.add(get_ident())
        try:
            return original(source, dest)
        finally:
            _copying.discard(get_ident())
            _copied(call, dest)

    return copy_future_state


@guarded
def _copied(call: HandedCall, dest: Any) -> None:
    if dest.cancelled():
        return
    if call.failed is not None:
        call.holders.append(False)
        call.retrieved |= not _mark(dest, call)
        call.copy = weakref.ref(dest)
    call.copied()


def wrap_copy_back(original: Function, switch: Switch) -> Function:
    """Return asyncio's function that copies a task's outcome to a future for threads, which may be asked instead."""

    def set_concurrent_future_state(concurrent: Any, source: Any) -> Any:
        call = _call_of(source) if switch.on else None
        if call is not None:
            follow(concurrent, call)
            call_failed(call)
        return original(concurrent, source)

    return set_concurrent_future_state


def wrap_handler(original: Function, switch: Switch) -> Function:
    """Return an event loop's call that is told of errors that nobody has asked for."""

    def call_exception_handler(loop: Any, context: dict[str, Any]) -> Any:
        if switch.on:
            _never_retrieved(context)
        return original(loop, context)

    return call_exception_handler


@guarded
def _never_retrieved(context: dict[str, Any]) -> None:
    if str(context.get("message", "")).endswith(_NEVER):
        call = _call_of(context.get("future"))
        if call is not None:
            call.never_asked = True
            _let_go(call)
