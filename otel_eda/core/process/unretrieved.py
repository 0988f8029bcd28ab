"""Errors of calls that a message was handed to, and for which nobody has asked: nobody can do anything about them."""

from __future__ import annotations

import weakref
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from otel_eda import semconv
from otel_eda.core.runtime import finalizers
from otel_eda.core.runtime.bounds import drop_oldest
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.state import on_reset
from otel_eda.core.telemetry import events

if TYPE_CHECKING:
    from asyncio import Task

    from opentelemetry.context import Context

    from otel_eda.core.patching.patch import Function, Switch


class HandedCall(Protocol):
    """A call in another thread; `failed` is the context in which it failed, `retrieved` that somebody has asked."""

    failed: Context | None
    retrieved: bool

    def ask(self) -> None:
        """Leave it to who asks for the outcome what comes of the message."""


_CALL = "_otel_eda_call"  # a future's
_MOST_FAILED = 1000
_failed_calls: dict[int, HandedCall] = {}  # of futures that are not dropped yet
_failed_tasks: dict[int, Context] = {}  # in which contexts they failed, as long as nobody may have asked for the errors
on_reset(_failed_tasks.clear)
on_reset(_failed_calls.clear)


def follow(future: Any, call: HandedCall) -> None:
    """Follow a future until somebody asks for its outcome, or it is dropped."""
    future.__dict__[_CALL] = call
    weakref.finalize(future, _dropped, call).atexit = False


def call_failed(call: HandedCall) -> None:
    """Remember a call that has failed."""
    _failed_calls[id(call)] = call
    drop_oldest(_failed_calls, _MOST_FAILED)


def task_failed(task: Task[Any], failed: Context) -> None:
    """Remember a task that has failed, and in which context."""
    _failed_tasks[id(task)] = failed
    drop_oldest(_failed_tasks, _MOST_FAILED)


@guarded
def _dropped(call: HandedCall) -> None:
    if _failed_calls.pop(id(call), None) is not None and not call.retrieved:
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
        call = future.__dict__.get(_CALL)
        if call is None:
            return original(future, *args, **kwargs)
        call.retrieved = True
        try:
            return original(future, *args, **kwargs)
        finally:
            call.ask()

    return outcome


def wrap_handler(original: Function, switch: Switch) -> Function:
    """Return an event loop's call that is told of errors that nobody has asked for."""

    def call_exception_handler(loop: Any, context: dict[str, Any]) -> Any:
        if switch.on and _failed_tasks:
            _never_retrieved(context)
        return original(loop, context)

    return call_exception_handler


@guarded
def _never_retrieved(context: dict[str, Any]) -> None:
    task = context.get("future")  # that nobody holds any more: so it says that nobody has asked for its exception
    if task is not None:
        _report(_failed_tasks.pop(id(task), None))
