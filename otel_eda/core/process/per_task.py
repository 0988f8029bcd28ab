"""The process span between one pull of a message and the next pull, commit or close by the same task or thread."""

from __future__ import annotations

import functools
from asyncio.events import _get_running_loop
from contextlib import suppress
from contextvars import Context as Variables
from typing import TYPE_CHECKING, Any, Protocol

from otel_eda.core.clients.instances import existing_client
from otel_eda.core.process import deferral, hand_over, unwinding
from otel_eda.core.process.processing import Processing, begin_processing, open_processings
from otel_eda.core.runtime import tasks
from otel_eda.core.runtime.contexts import attach, get_current, skip_ended
from otel_eda.core.runtime.guard import guarded

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future, Task
    from types import FrameType

    from otel_eda.core.clients.client import Client
    from otel_eda.core.clients.in_flight import OpenProcessing, Watching
    from otel_eda.core.message import Message


_HANDED_ON = 0


class _Lent:
    """The context of a task, in which the process span of a message is current that was pulled for it elsewhere."""

    __slots__ = ("_before", "_context", "_loop", "_own")

    def __init__(self, processing: Processing, context: Variables, loop: AbstractEventLoop) -> None:
        self._own, self._before = processing.context, processing.outer_context
        self._context, self._loop = context, loop

    def close(self) -> None:
        """Restore what was current in the task before, in the thread of its loop."""
        if _get_running_loop() is self._loop:
            self._restore()
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._restore)

    @guarded
    def _restore(self) -> None:
        with suppress(RuntimeError):  # the task itself runs: what ends its process span restores its context
            self._context.run(self._put_back)

    def _put_back(self) -> None:
        if get_current() is self._own:
            attach(skip_ended(self._before))


@guarded
def finish_current(client: Client) -> None:
    """End the process span of this task or thread, and one that another task has handed on."""
    if not client.processing_by_task:
        return
    for key in (tasks.task_or_thread_id(), _HANDED_ON):
        entry = client.processing_by_task.pop(key, None)
        if entry is not None:
            _end(client, entry, unwinding.leaving_error(entry[0].pending_error))


def finish_block(processing: Processing) -> None:
    """End the processing of a message that was pulled singly, at the end of the library's block around it."""
    client = processing.client
    for place in (tasks.task_or_thread_id(), _HANDED_ON):
        entry = client.processing_by_task.get(place)
        if entry is not None and entry[0] is processing:
            del client.processing_by_task[place]
            _end(client, entry, None)


@guarded
def begin_current(pulled: Pulled, frame: FrameType | None) -> None:
    """Begin the process span of this task or thread; `frame`, if it is the application's, is the one that pulled."""
    message = pulled.message()
    client, task = pulled.client, tasks.running_task()
    if message is None:
        return
    if hand_over.fetching.get() is not None:
        hand_over.fetched(client, pulled.record, message)
        return
    if task is None and _hand(pulled, message, frame):
        return
    keep_current(begin_processing(client, pulled.record, message), frame)


def keep_current(processing: Processing, frame: FrameType | None) -> None:
    """Let a process span last until this task or thread pulls again; `frame` is the application's that pulled."""
    client, task = processing.client, tasks.running_task()
    watch = None if frame is None else unwinding.FrameWatch(frame, processing.end_unless_manual, processing.record)
    client.processing_by_task[tasks.task_or_thread_id()] = processing, watch
    if task is not None and id(task) not in client.followed_tasks:
        client.followed_tasks.add(id(task))
        # A task that waits directly goes on before it is told here that this one has ended.
        ended = functools.partial(task_ended, client, tasks.waiting(task, directly=False))
        task.add_done_callback(ended, context=Variables())


def release_current(client: Client) -> Processing | None:
    """Return the processing of this task or thread, to be ended by whoever asks; None if there is none."""
    entry = client.processing_by_task.pop(tasks.task_or_thread_id(), None)
    return entry[0] if entry is not None and isinstance(entry[0], Processing) else None


@guarded
def fail_current(client: Client, error: BaseException) -> None:
    """End the processing of this task or thread: as failed, as abandoned, or as done if there are no more messages."""
    processing = release_current(client)
    if processing is not None:
        reason = error if isinstance(error, Exception) else GeneratorExit()
        processing.end(None if isinstance(error, StopAsyncIteration) else reason)


def _hand(pulled: Pulled, message: Message, frame: FrameType | None) -> bool:
    # An executor's thread runs the pull and nothing else: the message is for the task that awaits it.
    future = tasks.awaited_future(frame)
    if future is None or future.get_loop().is_closed():
        return False
    # What asgiref gives back would otherwise replace the context that we make current in the task meanwhile.
    begun = begin_processing(pulled.client, pulled.record, message) if tasks.gives_context_back(frame) else None
    future.get_loop().call_soon_threadsafe(_take, pulled, message, future, begun)
    return True


@guarded
def _take(pulled: Pulled, message: Message, future: Future[Any], begun: Processing | None) -> None:
    client, (context, owner) = pulled.client, tasks.waiting(future)
    if client.library.telemetry.scope is None:
        return
    finish_current(client)
    fetching = context.get(hand_over.fetching)
    if fetching is not None and begun is None:
        hand_over.fetched(client, pulled.record, message, pulled=fetching)
        return
    lent = None
    if begun is None:
        begun = context.run(functools.partial(begin_processing, owner=owner), client, pulled.record, message)
        lent = _Lent(begun, context, future.get_loop())
    begun.owner = begun.owner if owner is None else owner
    client.processing_by_task[_HANDED_ON] = begun, lent


@guarded
def task_ended(client: Client, waiting: tuple[Variables, int | None], task: Task[Any]) -> None:
    """End the process span of a task that has ended; hand it on if the message is the task's result.

    `waiting` is the context of the task that waited for it, and what tells that one from others.
    """
    client.followed_tasks.discard(id(task))
    entry = client.processing_by_task.pop(id(task), None)
    if entry is None:
        return
    error = tasks.future_error(task)
    if error is None and not entry[0].done and task.result() is entry[0].record:
        finish_current(client)
        client.processing_by_task[_HANDED_ON] = _lend(entry, *waiting, task.get_loop()) or entry
    else:
        _end(client, entry, error)


def _lend(
    entry: tuple[OpenProcessing, Watching | None], context: Variables, owner: int | None, loop: AbstractEventLoop
) -> tuple[Processing, _Lent] | None:
    processing, watch = entry
    if owner is None or not isinstance(processing, Processing):
        return None
    if watch is not None:
        watch.close()
    processing.owner = owner
    context.run(processing.attach)
    return processing, _Lent(processing, context, loop)


def _end(client: Client, entry: tuple[OpenProcessing, Watching | None], error: BaseException | None) -> None:
    processing, watch = entry
    if watch is not None:
        watch.close()
    deferral.finish_or_defer(processing, client, deferral.uses_manual, error)


def end_all(client: Client, error: BaseException | None) -> None:
    """End every process span of a client, but for those that end elsewhere: with a block, a callback or a worker."""
    for place in list(client.processing_by_task):
        entry = client.processing_by_task.pop(place, None)
        if entry is not None and entry[1] is not None:
            entry[1].close()
    deferral.finish_deferred(client)
    for processing in open_processings.all():
        elsewhere = processing.manual or processing.in_callback or (processing.queued and processing.message_is_held)
        if processing.client is client and not elsewhere:
            processing.end(error)


class Pulled(Protocol):
    """One message that was pulled."""

    client: Client
    record: Any

    def message(self) -> Message | None:
        """Count and return the message, or return None if the object is no message."""


def finish(instance: Any) -> None:
    """End the process span of the message that this task or thread pulled last from a client."""
    client = existing_client(instance)
    if client is not None:
        finish_current(client)
