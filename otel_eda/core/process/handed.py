"""Messages that are handed to a call that runs elsewhere: in a thread of an executor, or in an asyncio task.

The process span of such a message goes on until the call has ended, and has its error, if the code that handed it on is
over by then. While that code runs, it decides itself what comes of the message. A message that was copied out of its
batch has no span before: it begins with the call. If a call fails, the message waits for the next one that gets it.
"""

from __future__ import annotations

from contextvars import Context as Variables
from functools import partial
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from otel_eda import semconv
from otel_eda.core.patching.patch import ModulePatches, patch
from otel_eda.core.process import deferral, given, hand_over, hands, unretrieved
from otel_eda.core.process.processing import open_processings
from otel_eda.core.runtime import tasks
from otel_eda.core.runtime.contexts import EMPTY, PROCESSING, get_current, with_span
from otel_eda.core.runtime.guard import guarded
from otel_eda.core.runtime.state import on_reset

if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import Callable, Sequence
    from types import ModuleType

    from opentelemetry.context import Context

    from otel_eda.core.patching.patch import Function, Patch, Switch
    from otel_eda.core.process.processing import Processing


class _Hand:
    """A message in the hands of one call; `processing` is None as long as a copied one waits for the call to begin."""

    __slots__ = ("place", "processing", "record")

    def __init__(self, record: Any, processing: Processing | None) -> None:
        self.record, self.processing = record, processing
        self.place: hands.OwnContext | None = None

    @guarded
    def begin(self) -> None:
        """Make the process span current where the call runs."""
        processing = self.processing
        if processing is None:
            self.processing = processing = hand_over.begin(self.record)
            if processing is not None:
                processing.detach()
                processing.queued, processing.body_ended_at = 1, processing.start
        elif processing.done:
            return
        elif processing.body_ended_at:
            processing.begin_work()
        if processing is not None:
            self.place = hands.OwnContext(processing)

    @guarded
    def end(self, error: BaseException | None, threaded: bool = True) -> Context | None:
        """End the processing if the code that handed the message on is over; return the context in which it failed."""
        processing, failed = self.processing, None
        if processing is not None and not processing.done:
            failed = self._count(processing, error, threaded)
        elif processing is not None and processing.failed_elsewhere and isinstance(error, Exception):
            failed = with_span(EMPTY, processing.span)  # of a task, whose call in another one has failed before
        if self.place is not None:
            self.place.leave()
        return failed

    def _count(self, processing: Processing, error: BaseException | None, threaded: bool) -> Context | None:
        last = hands.take_back(processing)
        if processing.manual or not (last or isinstance(error, Exception)):
            return None  # others have it yet
        if not processing.body_ended_at:  # that of a loop which did not wait for the call may end any moment
            return self._blame(processing, error) if threaded else None
        processing.span.set_attribute(semconv.HANDED, True)
        if not isinstance(error, Exception):
            processing.end(error)
            return None
        return self._fail(processing, error)

    @staticmethod
    def _blame(processing: Processing, error: BaseException | None) -> Context | None:
        if not isinstance(error, Exception):
            return None
        processing.span.set_attribute(semconv.HANDED, True)
        processing.failure = error
        return processing.context

    @guarded
    def retrieved(self) -> None:
        """Leave it to the code around, which asks for the outcome now, what comes of the message."""
        if self.processing is not None and not self.processing.done:
            self.processing.failure = None

    @guarded
    def copied(self, was_asked: Callable[[], bool]) -> None:
        """Do the same, unless the code around has just called and has not waited yet: then it is asked at its end.

        A thread may be done before `run_in_executor` returns, and then asyncio copies the outcome at once.
        """
        processing = self.processing
        if processing is not None and not processing.body_ended_at and processing.owner == tasks.task_or_thread_id():
            processing.failure_was_handled = was_asked
        else:
            self.retrieved()

    def _fail(self, processing: Processing, error: Exception) -> Context:
        client, context = processing.client, processing.context
        if processing.partition_ledger is not None:
            # Who asks for the error may process the message once more, in code that nobody sees.
            processing.partition_ledger.give_up(processing.offset)
            processing.partition_ledger = None
        processing.end(error)
        processing.failed_elsewhere = True
        message = client.library.message(self.record)
        if message is not None:  # somebody may hand it on once more
            hand_over.Copy(client, self.record, message).await_hand()
        return context


class _Call(unretrieved.HandedCall):
    """A function that an executor's thread calls with a message."""

    def __init__(self, function: Any, hand: _Hand) -> None:
        super().__init__()
        self.function, self.hand = function, hand

    def ask(self) -> None:
        """Leave it to who asks for the outcome what comes of the message."""
        self.hand.retrieved()

    def copied(self) -> None:
        """Leave it to who waits for the copy, if anybody does."""
        self.hand.copied(self.copy_was_asked)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.hand.begin()
        try:
            result = self.function(*args, **kwargs)
        except BaseException as error:
            self.failed = self.hand.end(error)
            if self.failed is not None:
                unretrieved.call_failed(self)
            raise
        self.hand.end(None)
        return result


@guarded
def _taken(values: Sequence[Any]) -> _Hand | None:
    """Return a hand on the first message among the values, None without any."""
    if deferral.uses_manual:
        return None
    here: Processing | None = get_current().get(PROCESSING)  # type: ignore[assignment]  # nothing else is kept there
    parts = here.given if here is not None and type(here.given) is tuple else ()
    if not (parts or hand_over.waiting or open_processings.has_any(values)):
        return None
    for value in values:
        is_part = parts and any(value is part for part in parts)
        processing = here if is_part else open_processings.find(value)
        if processing is not None and not (processing.manual or processing.done):
            hands.give(processing)
            return _Hand(processing.record, processing)
        copy = hand_over.copy_of(value) if processing is None and hand_over.waiting else None
        if copy is not None:
            copy.queued = 1
            return _Hand(value, None)
    return None


_in_processing = open_processings.by_message


def _taken_by_task(coroutine: Any) -> _Hand | None:
    if type(coroutine) is CoroutineType and not hand_over.waiting:
        here: Processing | None = get_current().get(PROCESSING)  # type: ignore[assignment]  # nothing else is kept there
        values = given.referents(coroutine)
        seen = given.NOT_PLAIN.isdisjoint(map(type, values)) and (here is None or type(here.given) is not tuple)
        if seen and _in_processing.keys().isdisjoint(map(id, values)):
            return None  # as with most of the tasks that clients make for their own work
    return _taken(given.coroutine_arguments(coroutine))


def _wrap_submit(original: Function, switch: Switch) -> Function:
    def submit(executor: Any, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        hand = None
        if switch.on and (open_processings or hand_over.waiting):
            hand = _taken(given.arguments(function, args, kwargs))
        if hand is None:
            return original(executor, function, *args, **kwargs)
        call = _Call(function, hand)
        try:
            future = original(executor, call, *args, **kwargs)
        except BaseException:
            hand.end(GeneratorExit())
            raise
        unretrieved.follow(future, call)
        return future

    return submit


def _wrap_start(original: Function, switch: Switch) -> Function:
    def start(thread: Any) -> Any:
        call = _hand_to(thread) if switch.on and (open_processings or hand_over.waiting) else None
        try:
            return original(thread)
        except BaseException:
            if call is not None:  # there is no thread, or it runs already
                thread._target = call.function
                call.hand.end(GeneratorExit())
            raise

    return start


@guarded
def _hand_to(thread: Any) -> _Call | None:
    target = getattr(thread, "_target", None)  # which is gone after the run
    hand = None if target is None else _taken(given.arguments(target, thread._args, thread._kwargs))
    if hand is None:
        return None
    thread._target = call = _Call(target, hand)
    return call


def _wrap_create_task(original: Function, switch: Switch) -> Function:
    def create_task(loop: Any, coroutine: Any, *args: Any, **kwargs: Any) -> Any:
        hand = _taken_by_task(coroutine) if switch.on and (_in_processing or hand_over.waiting) else None
        if hand is None:
            return original(loop, coroutine, *args, **kwargs)
        if hand.processing is None:
            hand.begin()  # here, so that the task inherits the context
        task = original(loop, coroutine, *args, **kwargs)
        _follow(task, hand)
        return task

    return create_task


@guarded
def _follow(task: Task[Any], hand: _Hand) -> None:
    if hand.place is not None:
        hand.place.leave()
        hand.place = None
    task.add_done_callback(partial(_task_ended, hand), context=Variables())


@guarded
def _task_ended(hand: _Hand, task: Task[Any]) -> None:
    failed = hand.end(tasks.future_error(task), threaded=False)
    if failed is not None:
        unretrieved.task_failed(task, failed)


_PLACES = {
    "concurrent.futures.thread": (("ThreadPoolExecutor", "submit", _wrap_submit),),
    "threading": (("Thread", "start", _wrap_start),),
    "concurrent.futures._base": (
        ("Future", "result", unretrieved.wrap_outcome),
        ("Future", "exception", unretrieved.wrap_outcome),
    ),
    "asyncio.futures": (
        ("", "_copy_future_state", unretrieved.wrap_copy),
        ("", "_set_concurrent_future_state", unretrieved.wrap_copy_back),
    ),
    "asyncio.base_events": (
        ("BaseEventLoop", "create_task", _wrap_create_task),
        ("BaseEventLoop", "call_exception_handler", unretrieved.wrap_handler),
    ),
}


def _patched(module: ModuleType) -> list[Patch]:
    places = ((getattr(module, place[0]) if place[0] else module, *place[1:]) for place in _PLACES[module.__name__])
    return [patch(owner, name, wrap) for owner, name, wrap in places if hasattr(owner, name)]  # private ones may go


handed = ModulePatches(_PLACES, _patched)
on_reset(handed.disable)
