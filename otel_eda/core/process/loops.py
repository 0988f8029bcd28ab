"""Iterators that begin and end the process span around each pass of a loop."""

from __future__ import annotations

import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import wrapt

from otel_eda.core.process import deferral, hand_over, per_task, unwinding
from otel_eda.core.process.processing import Processing, begin_processing
from otel_eda.core.runtime import finalizers
from otel_eda.core.runtime.frames import caller
from otel_eda.core.runtime.guard import failed, guarded
from otel_eda.core.runtime.operations import passes_through

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import FrameType

    from otel_eda.core.clients.client import Client
    from otel_eda.core.message import Message
    from otel_eda.core.process.per_task import Pulled
    from otel_eda.core.propagation.headers import Extracted
    from otel_eda.core.propagation.trust import Polled


Puller: TypeAlias = "Callable[..., Any]"
"""Pulls one message from a consumer, of a client; returns the application's result and our `Pulled`.

An async one is given the loop's iterator, too: it begins the message's process span itself, and awaits the result.
"""


def _references_of_a_local() -> int:
    # The variable's own and the argument's; from Python 3.14 on the argument borrows that of the variable.
    item = object()
    return sys.getrefcount(item)


# To a message that nobody keeps: of its list, of the iterator, and of the variable of who asks. A loop has one more.
_BATCH_REFERENCES = 2 + _references_of_a_local()


class _TracedIterator(wrapt.ObjectProxy):  # type: ignore[type-arg]  # wrapt 1 has no parameters
    _self_loop: LoopProcessing

    def __init__(self, consumer: Any, client: Client, pull: Puller, frame: FrameType | None) -> None:
        super().__init__(consumer)
        self._self_loop = loop = LoopProcessing(client, frame)
        loop.pull = partial(pull, consumer, client)

    def __del__(self) -> None:
        self._self_loop.end_dropped(caller(), pulls=True)


class TracedIterator(_TracedIterator):
    """The result of a consumer's `__iter__`: a fresh iterator for the loop, and the consumer to everybody else."""

    def __iter__(self) -> TracedIterator:
        self._self_loop.remember_request(caller())
        return self

    def __next__(self) -> Any:
        loop = self._self_loop
        loop.end_body(caller())
        if loop.client.processing_by_task:  # this task or thread may have pulled one singly before
            per_task.finish_current(loop.client)
        try:
            result, pulled = loop.pull()
        except BaseException:
            loop.stop_following()
            raise
        if pulled is not None:
            loop.begin_pulled(pulled)
        return result


class TracedAsyncIterator(_TracedIterator):
    """The result of a consumer's `__aiter__`."""

    def __aiter__(self) -> TracedAsyncIterator:
        return self

    def __anext__(self) -> Awaitable[Any]:
        # The loop's own frame calls this; the coroutine must not hold that frame, which holds the coroutine.
        loop = self._self_loop
        loop.end_body(caller())
        if loop.client.processing_by_task:  # this task or thread may have pulled one singly before
            per_task.finish_current(loop.client)
        if passes_through(loop.client.library.telemetry):
            return type(self.__wrapped__).__anext__(self.__wrapped__)  # type: ignore[no-any-return]
        pulling: Awaitable[Any] = loop.pull(self)  # which keeps this iterator as long as somebody waits
        return pulling


class TracedGenerator(wrapt.ObjectProxy):  # type: ignore[type-arg]  # wrapt 1 has no parameters
    """A generator of messages: loops get a fresh iterator of it, `next` pulls one message."""

    _self_client: Client
    _self_pull: Puller

    def __init__(self, generator: Any, client: Client, pull: Puller) -> None:
        super().__init__(generator)
        self._self_client = client
        self._self_pull = pull

    def __iter__(self) -> TracedIterator:
        return TracedIterator(self.__wrapped__, self._self_client, self._self_pull, caller())

    def __next__(self) -> Any:
        per_task.finish_current(self._self_client)
        result, pulled = self._self_pull(self.__wrapped__, self._self_client)
        if pulled is not None:
            per_task.begin_current(pulled, caller())
        return result

    def close(self) -> None:
        """Close the generator, and end the process span of its last message."""
        per_task.finish_current(self._self_client)
        self.__wrapped__.close()


class _CallWatch(unwinding.FrameWatch):
    """Follows a frame that asks for a message by a call, as `next`, and may return it to its caller."""

    __slots__ = ("loop",)

    def __init__(self, frame: FrameType, loop: LoopProcessing) -> None:
        self.loop = loop
        super().__init__(frame, loop._end_with_error, loop)

    def follow_caller(self, frame: FrameType, result: object) -> None:
        """Follow the caller of a frame that returns the message at work."""
        processing = self.loop.processing
        self.record_id = 0 if processing is None or processing.done else id(processing.record)
        super().follow_caller(frame, result)


class LoopProcessing:
    """The process spans of one loop, one after another."""

    __slots__ = (
        "client",
        "fetching",
        "is_copy",
        "may_defer",
        "passes",
        "processing",
        "pull",
        "references",
        "requested_at",
        "watch",
    )

    pull: Callable[..., Any]  # of an iterator that pulls

    def __init__(self, client: Client, frame: FrameType | None) -> None:
        self.client = client
        self.fetching = hand_over.known_by(frame)
        self.processing: Processing | None = None
        self.watch: unwinding.FrameWatch | None = None
        self.is_copy, self.passes, self.references = False, 0, _BATCH_REFERENCES
        self.requested_at = self._instruction(frame)
        self.may_defer = deferral.may_hand_over(frame)

    @staticmethod
    def _instruction(frame: FrameType | None) -> tuple[int, int]:
        return id(frame), -1 if frame is None else frame.f_lasti

    @guarded
    def remember_request(self, frame: FrameType | None) -> None:
        """Remember the instruction that asks for the iterator."""
        self.requested_at = self._instruction(frame)

    def end_body(self, frame: FrameType | None) -> None:
        """End the process span of the last message: this frame, which runs the loop's body, asks for the next one."""
        try:
            if not self.passes:
                self.is_copy = self._copies(frame)
                self.references += frame is None or unwinding.loops_at(frame)
            self.passes += 1
            processing, watch = self.processing, self.watch
            if processing is not None:
                self.processing = None
                deferral.finish_or_defer(processing, self.client, self.may_defer)
            if watch is not None and frame is not None and watch.frame_id == id(frame) and watch.code is frame.f_code:
                return  # it `follows` the frame; a call is too much for each message
            if frame is not None and not self.is_copy:
                self._follow(frame)
        except Exception as error:  # noqa: BLE001  # it is a failure of ours
            failed("core.process.loops.LoopProcessing.end_body", error)

    def _copies(self, frame: FrameType | None) -> bool:
        # Asked for and drained by one instruction: a copy (`list`, `sorted`, unpacking) runs nobody's code. But a loop
        # over what goes on to the next list by itself, as `itertools.chain`, asks where it comes for the next item.
        if frame is None or self.requested_at == self._instruction(frame):
            return frame is not None and not unwinding.loops_at(frame)
        return not self.may_defer and unwinding.only_collects(frame)  # who works on them nobody sees

    def _follow(self, frame: FrameType) -> None:
        if self.watch is not None:
            self.watch.close()
        loops = unwinding.loops_at(frame)
        self.watch = unwinding.FrameWatch(frame, self._end_with_error) if loops else _CallWatch(frame, self)

    def begin_pulled(self, pulled: Pulled | Processing) -> None:
        """Begin the process span of a message that was pulled just now, if the pull has not."""
        try:
            if isinstance(pulled, Processing):
                self.processing = pulled
            elif (message := pulled.message()) is None:
                return
            elif self.is_copy or self.fetching is not None or self.client.library.telemetry.scope is None:
                self._begin(pulled.record, message, None)
            else:  # what `_begin` does with most messages, without a call for each
                self.processing = begin_processing(self.client, pulled.record, message)
        except Exception as error:  # noqa: BLE001  # it is a failure of ours
            failed("core.process.loops.LoopProcessing.begin_pulled", error)

    def begin_polled(self, record: Any, polled: Polled | None) -> None:
        """Begin the process span of a message that was polled before; an object that the application added has none."""
        try:
            if polled is not None:
                self._begin(record, polled[0], polled[1:])
                polled[0].again |= self.processing is not None
        except Exception as error:  # noqa: BLE001  # it is a failure of ours
            failed("core.process.loops.LoopProcessing.begin_polled", error)

    def _begin(self, record: Any, message: Message, extracted: Extracted | None) -> None:
        if self.is_copy:
            self.client.expect_any_offset()  # the ledger does not see copied messages
            if self.client.library.telemetry.scope is not None:
                hand_over.Copy(self.client, record, message, extracted).await_hand()
        elif self.fetching is not None:
            hand_over.fetched(self.client, record, message, self.fetching)
        elif self.client.library.telemetry.scope is not None:
            self.processing = begin_processing(self.client, record, message, extracted)

    def _end_with_error(self, error: BaseException) -> None:
        if self.processing is not None:
            self.processing.end_unless_manual(error)

    @guarded
    def end_dropped(self, frame: FrameType | None, pulls: bool = False) -> None:
        """End the last process span, since the loop has dropped its iterator; that of a single pull goes on."""
        watch, self.watch = self.watch, None
        processing, self.processing = self.processing, None
        if watch is None:
            return
        error = watch.outcome(frame)
        pulled = pulls and self.passes == 1 and watch.within_a_call(frame)
        watch.close()
        if processing is not None and pulled:
            per_task.keep_current(processing, frame)
        elif processing is not None:
            finalizers.take(partial(self._finish_dropped, processing, error, time.time_ns()))

    @guarded
    def _finish_dropped(self, processing: Processing, error: BaseException | None, at: int) -> None:
        deferral.finish_or_defer(processing, self.client, self.may_defer, error, at)

    @guarded
    def stop_following(self) -> None:
        """Stop following the loop's frame, since the iterator is exhausted."""
        if self.watch is not None:
            self.watch.close()
            self.watch = None
