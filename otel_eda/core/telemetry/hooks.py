"""Functions of the application that are called with each span of a message: they may add to it."""

from __future__ import annotations

import asyncio
import inspect
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from otel_eda.core.runtime.contexts import attach
from otel_eda.core.runtime.guard import failed, guarded
from otel_eda.core.runtime.locks import PatientLock
from otel_eda.core.runtime.state import on_fork, on_reset

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task
    from collections.abc import Callable, Coroutine

    from opentelemetry.context import Context
    from opentelemetry.trace import Span


class CallArguments(dict[str, Any]):
    """The arguments of a call by their names; `args` and `kwargs` are how the caller gave them, without the client."""

    def __init__(self, names: list[str], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        super().__init__(zip(names[1:], args[1:], strict=False))
        self.update(kwargs)
        self.args = args[1:]
        self.kwargs = kwargs


@dataclass(frozen=True)
class Hooks:
    """Functions, sync or async, that are called when a span begins.

    `send` is called with the span of a send and with the call's arguments by their names, `process` with the span of a
    processing and with the message as the library hands it over. An async one runs in a task of its own, which no
    message waits for; its span ends no sooner. What a hook returns is ignored, and what it raises is logged.
    """

    send: Callable[[Span, CallArguments], object] | None = None
    process: Callable[[Span, Any], object] | None = None

    def over(self, others: Hooks) -> Hooks:
        """Return these hooks, and the others where there is none of these."""
        return Hooks(self.send or others.send, self.process or others.process)


NO_HOOKS = Hooks()


class _Unfinished:
    """A span whose hook is still at work: that task, and when the span is to have ended, 0 if it has not."""

    __slots__ = ("at", "task")

    def __init__(self, task: Task[None]) -> None:
        self.task = task  # an event loop itself holds tasks weakly
        self.at = 0


unfinished: dict[Span, _Unfinished] = {}
_lock = PatientLock()
on_fork(unfinished.clear)


def call_send(
    hooks: Hooks, span: Span, names: list[str], call: tuple[tuple[Any, ...], dict[str, Any]], context: Context
) -> None:
    """Call the hook of sends, if there is one; `names` are the parameters of the call that sends."""
    if hooks.send is not None:
        _call(hooks.send, span, CallArguments(names, *call), context)


def call_process(hooks: Hooks, span: Span, given: object, record: object, context: Context) -> None:
    """Call the hook of processings, if there is one, with what the library has `given`, by default the record."""
    if hooks.process is not None:
        _call(hooks.process, span, record if given is None else given, context)


@guarded
def _call(hook: Callable[[Span, Any], object], span: Span, about: object, context: Context) -> None:
    result = hook(span, about)
    if not inspect.iscoroutine(result):
        return
    loop = _running()
    if loop is None:
        _run(result)
        return
    ours = copy_context()
    ours.run(attach, context)
    task = ours.run(loop.create_task, _finished(result))
    unfinished[span] = _Unfinished(task)
    task.add_done_callback(partial(_done, span))


def _running() -> AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _run(hook: Coroutine[Any, Any, object]) -> None:
    try:
        hook.send(None)
    except StopIteration:
        return
    hook.close()
    raise RuntimeError("a hook waits for something where no event loop runs")


async def _finished(hook: Coroutine[Any, Any, object]) -> None:
    try:
        await hook
    except Exception as error:  # noqa: BLE001  # the application's hook: nobody else would hear of it
        failed("core.telemetry.hooks._call", error)


def _done(span: Span, _: object = None) -> None:
    with _lock.held():
        entry = unfinished.pop(span, None)
    if entry is not None and entry.at:
        span.end(entry.at)


def end(span: Span, at: int) -> None:
    """End a span at a time in nanoseconds, if its hook is at work once that is done."""
    if unfinished:
        with _lock.held():
            entry = unfinished.get(span)
            if entry is not None:
                entry.at = at
                return
    span.end(at)


@on_reset
def end_all() -> None:
    """End the spans whose hooks are still at work."""
    for span in list(unfinished):
        _done(span)
