"""Messages that a loop puts into a queue of the process, and that a worker, a thread or a task, gets from there.

The loop's process span of such a message goes on in the worker: from the `get` that gives it the message until it asks
the queue for the next one, calls `task_done`, or is ended by an exception. If the message is dropped before a worker
was seen to get it, its processing was given up: nobody knows what became of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_eda.core.patching.patch import ModulePatches, patch
from otel_eda.core.process import deferral, unwinding
from otel_eda.core.process.processing import open_processings
from otel_eda.core.runtime.contexts import PROCESSING, attach, get_current, skip_ended
from otel_eda.core.runtime.frames import caller
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.state import on_fork, on_reset
from otel_eda.core.runtime.tasks import task_or_thread_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType, ModuleType

    from otel_eda.core.patching.patch import Function, Patch, Switch
    from otel_eda.core.process.processing import Processing


class _Work:
    """What a worker is at: a message's processing, and the queue that it came from."""

    __slots__ = ("outer_context", "processing", "queue", "watch")

    def __init__(self, processing: Processing, queue: object, frame: FrameType | None) -> None:
        self.processing, self.queue = processing, queue
        self.outer_context = get_current()
        attach(processing.context)
        self.watch = None if frame is None else unwinding.FrameWatch(frame, processing.end_unless_manual)

    def close(self) -> None:
        """Follow the worker's code no longer."""
        if self.watch is not None:
            self.watch.close()

    def end(self) -> None:
        """End the processing: failed, if an exception is on its way out of the worker's code."""
        self.close()
        self.processing.end_unless_manual(unwinding.leaving_error(self.processing.pending_error))
        if self.outer_context is not get_current():
            attach(skip_ended(self.outer_context) if PROCESSING in self.outer_context else self.outer_context)


_at_work: dict[int, _Work] = {}  # by the worker's task or thread
_has_marked = False  # until then nobody who gets something from a queue needs to look what it is


@on_reset
@on_fork
def _forget() -> None:
    global _has_marked
    _has_marked = False
    while _at_work:
        _at_work.popitem()[1].close()


@guarded
def _mark(item: Any) -> Processing | None:
    """Return the processing that is at work here if the item, or a part of it, is its message; it waits from now on."""
    processing: Processing | None = get_current().get(PROCESSING)  # type: ignore[assignment]  # nothing else is kept there
    if processing is None or processing.done or deferral.uses_manual:
        return None
    if not any(part is processing.record for part in _parts(item)):
        return None
    global _has_marked
    processing.queued = _has_marked = True
    return processing


def _parts(item: Any) -> Iterator[Any]:
    yield item
    if type(item) is tuple:
        yield from item


@guarded
def _finish(queue: object) -> None:
    """End what this worker is at, if it came from this queue."""
    work = _at_work.get(task_or_thread_id())
    if work is not None and work.queue is queue:
        _end_here(work)


def finish_block(processing: Processing) -> None:
    """End the processing of a message that this worker is at, at the end of the library's block around it."""
    work = _at_work.get(task_or_thread_id())
    if work is not None and work.processing is processing:
        _end_here(work)


def _end_here(work: _Work) -> None:
    del _at_work[task_or_thread_id()]
    work.end()


@guarded
def _take(queue: object, item: Any, frame: FrameType | None) -> None:
    """Let the processing of an item that was got just now go on here, if it is a message that waited in a queue."""
    for part in _parts(item):
        processing = open_processings.find(part)
        if processing is not None and processing.queued and not processing.manual:
            processing.take_over()
            processing.manual = False  # a block around the work may still take it over
            _forget_ended()
            _at_work[task_or_thread_id()] = _Work(processing, queue, frame)


def _forget_ended() -> None:
    # Those of workers that got one message and ended: they ask for no other.
    for worker, work in list(_at_work.items())[:2]:
        if work.processing.done and _at_work.pop(worker, None) is work:
            work.close()


def _wrap_put(original: Function, switch: Switch) -> Function:
    def put(queue: Any, item: Any, *args: Any, **kwargs: Any) -> Any:
        marked = _mark(item) if switch.on and PROCESSING in get_current() else None  # before a worker can get it
        try:
            return original(queue, item, *args, **kwargs)
        except BaseException:
            if marked is not None:
                marked.queued = False
            raise

    return put


def _wrap_get(original: Function, switch: Switch) -> Function:
    def get(queue: Any, *args: Any, **kwargs: Any) -> Any:
        if _at_work:
            _finish(queue)
        item = original(queue, *args, **kwargs)
        if _has_marked and switch.on and open_processings:
            _take(queue, item, caller())
        return item

    return get


def _wrap_async_get(original: Function, switch: Switch) -> Function:
    async def get(queue: Any) -> Any:
        if _at_work:
            _finish(queue)
        item = await original(queue)
        if _has_marked and switch.on and open_processings:
            _take(queue, item, caller())
        return item

    return get


def _wrap_task_done(original: Function, switch: Switch) -> Function:  # noqa: ARG001
    def task_done(queue: Any) -> Any:
        if _at_work:
            _finish(queue)
        return original(queue)

    return task_done


_PLACES = {
    "queue": (("put", _wrap_put), ("get", _wrap_get), ("task_done", _wrap_task_done)),
    "asyncio.queues": (("put_nowait", _wrap_put), ("get", _wrap_async_get), ("task_done", _wrap_task_done)),
}


def _patched(module: ModuleType) -> list[Patch]:
    return [patch(module.Queue, name, wrap) for name, wrap in _PLACES[module.__name__]]


queues = ModulePatches(_PLACES, _patched)
on_reset(queues.disable)
