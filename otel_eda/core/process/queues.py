"""Messages that a loop puts into a queue of the process, and that a worker, a thread or a task, gets from there.

The loop's process span of such a message goes on in the worker: from the `get` that gives it the message until it asks
the queue for the next one, calls `task_done`, or is ended by an exception. A message that was copied out of its batch
has no span before; it begins with the `put`. If the message is dropped before a worker was seen to get it, its
processing was given up: nobody knows what became of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_eda.core.patching.patch import ModulePatches, patch
from otel_eda.core.process import deferral, hand_over, unwinding
from otel_eda.core.process.processing import TAKEN, open_processings
from otel_eda.core.runtime.contexts import PROCESSING, attach, get_current, skip_ended
from otel_eda.core.runtime.frames import caller
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.state import on_fork, on_reset
from otel_eda.core.runtime.tasks import task_or_thread_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType, ModuleType

    from otel_eda.core.patching.patch import Function, Patch, Switch, Wrap
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
    """Return what waits from now on: the processing at work here or of a copy, if the item is its message or has it."""
    if deferral.uses_manual:
        return None
    processing: Processing | None = get_current().get(PROCESSING)  # type: ignore[assignment]  # nothing else is kept there
    for part in _parts(item):
        known = open_processings.find(part)
        if known is not None and not known.manual and (known is processing or known.body_ended_at):
            return _marked(known)
        if known is None and hand_over.copy_of(part) is not None:
            return _defer(hand_over.begin(part))
    return None


def _marked(processing: Processing) -> Processing:
    global _has_marked
    processing.queued, _has_marked = 1, True
    return processing


def _defer(processing: Processing | None) -> Processing | None:
    if processing is not None:  # of a copied message: nobody works on it yet
        _marked(processing).body_ended_at = processing.start
        processing.detach()
        processing.client.deferred_processing.append(processing)
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
            processing.queued = TAKEN
            _forget_ended()
            _at_work[task_or_thread_id()] = _Work(processing, queue, frame)


def _forget_ended() -> None:
    # Those of workers that got one message and ended: they ask for no other.
    for worker, work in list(_at_work.items())[:2]:
        if work.processing.done and _at_work.pop(worker, None) is work:
            work.close()


def _wrap_put(original: Function, switch: Switch) -> Function:
    def put(queue: Any, item: Any, *args: Any, **kwargs: Any) -> Any:
        marked = (
            _mark(item) if switch.on and (open_processings or hand_over.waiting) else None
        )  # before a worker can get it
        try:
            return original(queue, item, *args, **kwargs)
        except BaseException:
            if marked is not None:
                marked.queued = 0
            raise

    return put


def _wrap_get(original: Function, switch: Switch) -> Function:
    def get(queue: Any, *args: Any, **kwargs: Any) -> Any:
        if _at_work:
            _finish(queue)
        item = original(queue, *args, **kwargs)
        if _has_marked and switch.on and open_processings:
            _take(queue, item, _worker(caller()))
        return item

    return get


def _worker(frame: FrameType | None) -> FrameType | None:
    while frame is not None and frame.f_globals.get("__name__") in _PLACES:  # `get_nowait` calls `get`
        frame = frame.f_back
    return frame


def _wrap_get_nowait(original: Function, switch: Switch) -> Function:
    get = _wrap_get(original, switch)

    def get_nowait(queue: Any) -> Any:
        frame = caller()
        return original(queue) if frame is not _worker(frame) else get(queue)  # `get` itself comes here in the end

    return get_nowait


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


_PLACES: dict[str, dict[str, tuple[tuple[str, Wrap], ...]]] = {
    "queue": {
        "Queue": (("put", _wrap_put), ("get", _wrap_get), ("task_done", _wrap_task_done)),
        "SimpleQueue": (
            ("put", _wrap_put),
            ("put_nowait", _wrap_put),
            ("get", _wrap_get),
            ("get_nowait", _wrap_get),
        ),
    },
    "asyncio.queues": {
        "Queue": (
            ("put_nowait", _wrap_put),
            ("get", _wrap_async_get),
            ("get_nowait", _wrap_get_nowait),
            ("task_done", _wrap_task_done),
        ),
    },
}


def _patched(module: ModuleType) -> list[Patch]:
    return [
        patch(getattr(module, owner), name, wrap)
        for owner, functions in _PLACES[module.__name__].items()
        for name, wrap in functions
    ]


queues = ModulePatches(_PLACES, _patched)
on_reset(queues.disable)
