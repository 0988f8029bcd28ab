"""Messages that a loop puts into a queue of the process, and that a worker, a thread or a task, gets from there.

The loop's process span of such a message goes on in the worker: from the `get` that gives it the message until it calls
`task_done`, or asks the queue for the next one and keeps this one nowhere, or is ended by an exception. A message that
was copied out of its batch has no span before; it begins with the `put`. If the message is dropped before a worker was
seen to finish it, its processing was given up: nobody knows what became of it.

asyncio's clients use queues for all that they do, several times for each message. So only `put_nowait` of asyncio's is
wrapped: the code of what takes from queues is exchanged when a message is first put into one. The functions stay what
they are, so that a worker is followed that has kept `queue.get`, or waits in it already.
"""

from __future__ import annotations

import inspect
import sys
from types import FunctionType
from typing import TYPE_CHECKING, Any

from otel_eda.core.patching import interception
from otel_eda.core.patching.patch import ModulePatches, patch
from otel_eda.core.process import deferral, hand_over, hands, unwinding, workers
from otel_eda.core.process.processing import open_processings
from otel_eda.core.runtime.contexts import PROCESSING, get_current
from otel_eda.core.runtime.frames import caller
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.state import on_fork, on_reset
from otel_eda.core.runtime.tasks import awaits_itself, running_task, waiting_task
from otel_eda.core.telemetry import errors

if TYPE_CHECKING:
    from asyncio import Task
    from contextvars import Context
    from types import FrameType, ModuleType

    from otel_eda.core.patching.patch import Function, Patch, Switch, Wrap
    from otel_eda.core.process.processing import Processing


# Most of what goes through queues is no message: clients put and get all that they do.
_in_processing, _waiting = open_processings.by_message, hand_over.waiting
_has_marked = False  # until then nobody who gets something from a queue needs to look what it is


@on_reset
@on_fork
def _forget() -> None:
    global _has_marked
    _has_marked = False


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
        if known is None and hand_over.waiting and hand_over.copy_of(part) is not None:
            return _defer(hand_over.begin(part))
    return None


def _marked(processing: Processing) -> Processing:
    global _has_marked
    if not _has_marked:
        _follow_asyncio()
        _has_marked = True
    hands.give(processing)
    return processing


def _defer(processing: Processing | None) -> Processing | None:
    if processing is not None:  # of a copied message: nobody works on it yet
        _marked(processing).body_ended_at = processing.start
        processing.detach()
        processing.client.deferred_processing.append(processing)
    return processing


def _parts(item: Any) -> tuple[Any, ...]:
    return (item, *item) if type(item) is tuple else (item,)


@guarded
def _hand_on(processing: Processing) -> None:
    worker = workers.known()
    if worker is not None:
        worker.note_handed_on(processing)


@guarded
def _ask(queue: object, task: Task[Any] | None = None) -> None:
    worker = workers.known(task)
    if worker is not None:
        worker.asks(queue)


@guarded
def _done(queue: object) -> None:
    worker = workers.known()
    if worker is not None:
        worker.done(queue)


def finish_block(processing: Processing) -> None:
    """End the processing of a message that this worker is at, at the end of the library's block around it."""
    worker = workers.known()
    if worker is not None:
        worker.finish_block(processing)


@guarded
def _take(queue: object, item: Any, frame: FrameType | None, task: Task[Any] | None = None) -> None:
    """Let the processing of an item that was got just now go on here, if it is a message that waited in a queue."""
    for part in _parts(item):
        processing = open_processings.find(part)
        if processing is not None and processing.queued > processing.taken and not processing.manual:
            workers.this(task).take(processing, queue, item, frame)
            return


@guarded
def _got_for(frame: FrameType | None) -> tuple[Task[Any], Context] | None:
    """Return the task for which the one that runs gets an item and does nothing else, as `wait_for` has it.

    From Python 3.12 on, `wait_for` needs no task, and what becomes of other tasks' results nobody sees.
    """
    if unwinding.tells() or _who_awaits(_application(frame)) is not None:
        return None
    task = running_task()
    return None if task is None else waiting_task(task)


@guarded
def _run_for(receiver: tuple[Task[Any], Context], step: Function, *args: Any) -> None:
    task, context = receiver
    context.run(step, *args, task)


@guarded
def _refused(processing: Processing, error: BaseException) -> None:
    hands.take_back(processing)
    if isinstance(error, Exception):  # else whoever waited for room was interrupted or cancelled
        processing.unqueued = errors.error_type(error)


def _wrap_put(original: Function, switch: Switch) -> Function:
    def put(*args: Any, **kwargs: Any) -> Any:
        marked = None
        if switch.on and (_in_processing or _waiting):
            item = args[1] if len(args) > 1 else kwargs.get("item")
            if _waiting or id(item) in _in_processing or (type(item) is tuple and open_processings.has_any(item)):
                marked = _mark(item)  # before a worker can get it
        if marked is None:
            return original(*args, **kwargs)
        try:
            result = original(*args, **kwargs)
        except BaseException as error:
            _refused(marked, error)
            raise
        marked.unqueued = None
        _hand_on(marked)
        return result

    return put


def _wrap_put_nowait(original: Function, switch: Switch) -> Function:
    put_marked = _wrap_put(original, switch)

    def put_nowait(self: Any, item: Any) -> Any:
        if not (_in_processing or _waiting):
            return original(self, item)
        has_message = bool(_waiting) or id(item) in _in_processing
        if type(item) is tuple and not has_message:
            for part in item:  # a client does this several times for each message: `any` would be calls
                has_message |= id(part) in _in_processing
        return put_marked(self, item) if has_message else original(self, item)

    return put_nowait


def _wrap_get(original: Function, switch: Switch) -> Function:
    def get(*args: Any, **kwargs: Any) -> Any:
        if _has_marked and args:
            _ask(args[0])
        item = original(*args, **kwargs)
        # A worker may have waited here before there was any message.
        if _has_marked and args and switch.on and open_processings:
            _take(args[0], item, _application(caller()))
        return item

    return get


def _application(frame: FrameType | None) -> FrameType | None:
    while frame is not None and frame.f_globals.get("__name__") in _LAYERS:
        frame = frame.f_back
    return frame


def _wrap_task_done(original: Function, switch: Switch) -> Function:  # noqa: ARG001
    def task_done(*args: Any, **kwargs: Any) -> Any:
        if _has_marked and args:
            _done(args[0])
        return original(*args, **kwargs)

    return task_done


async def _get(run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if _has_marked:
        receiver = _got_for(caller())
        if receiver is None:
            _ask(args[0])
        else:
            _run_for(receiver, _ask, args[0])
    return await run(*args, **kwargs)  # which asks `get_nowait` in the end


def _get_nowait(run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if not _has_marked:
        return run(*args, **kwargs)
    waited, frame = _who_gets(caller())
    if not waited:
        _ask(args[0])
    item = run(*args, **kwargs)
    receiver = _got_for(frame) if waited and open_processings else None
    if receiver is not None:
        _run_for(receiver, _take, args[0], item, awaits_itself(receiver[0]))
    elif open_processings:
        _take(args[0], item, frame)
    return item


def _who_gets(frame: FrameType | None) -> tuple[bool, FrameType | None]:
    """Return whether it is `get` that gets an item, and the application's frame: None if a task does nothing else."""
    outer, waited = _application(frame), False
    while frame is not outer and frame is not None:
        waited |= bool(frame.f_code.co_flags & inspect.CO_COROUTINE)
        frame = frame.f_back
    return waited, _who_awaits(outer) if waited else outer


def _who_awaits(frame: FrameType | None) -> FrameType | None:
    return frame if frame is not None and frame.f_code.co_flags & unwinding.SUSPENDABLE else None


def _task_done(run: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if _has_marked:
        _done(args[0])
    return run(*args, **kwargs)


_ASYNCIO = "asyncio.queues"
_FOLLOWED = {"get": _get, "get_nowait": _get_nowait, "task_done": _task_done}


def _follow_asyncio() -> None:
    module = sys.modules.get(_ASYNCIO)
    for name, interceptor in _FOLLOWED.items() if module is not None else ():
        function = inspect.unwrap(getattr(vars(module)["Queue"], name))
        if type(function) is FunctionType:
            interception.intercept(function, interceptor)


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
    _ASYNCIO: {"Queue": (("put_nowait", _wrap_put_nowait),)},
}
_LAYERS = {__name__, interception.__name__, *_PLACES}  # between the application and the queue itself


def _patched(module: ModuleType) -> list[Patch]:
    return [
        patch(getattr(module, owner), name, wrap)
        for owner, functions in _PLACES[module.__name__].items()
        for name, wrap in functions
    ]


queues = ModulePatches(_PLACES, _patched)
on_reset(queues.disable)
