"""Iterators that know where the turn of a loop begins and ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import wrapt

from otel_eda.core.process import deferral, per_task, unwinding
from otel_eda.core.process.processing import begin_processing
from otel_eda.core.runtime.frames import caller
from otel_eda.core.runtime.guard import failed, guarded
from otel_eda.core.runtime.operations import passes_through

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
    from types import FrameType

    from otel_eda.core.clients.client import Client
    from otel_eda.core.message import Message
    from otel_eda.core.process.per_task import Pulled
    from otel_eda.core.process.processing import Processing
    from otel_eda.core.propagation.headers import Extracted
    from otel_eda.core.propagation.trust import Polled


Puller: TypeAlias = "Callable[[Any, Client], Any]"
"""Pulls one message from a consumer: gives, or an async one awaits, what the application gets and our `Pulled`."""


class _TracedIterator(wrapt.ObjectProxy):  # type: ignore[type-arg]  # wrapt 1 has no parameters
    _self_steps: LoopProcessing
    _self_pull: Puller

    def __init__(self, consumer: Any, client: Client, pull: Puller, frame: FrameType | None) -> None:
        super().__init__(consumer)
        self._self_steps = LoopProcessing(client, frame)
        self._self_pull = pull

    def __del__(self) -> None:
        self._self_steps.drop(caller())


class TracedIterator(_TracedIterator):
    """What a consumer's `__iter__` gives: the consumer to everyone who looks, and a fresh iterator to the loop."""

    def __iter__(self) -> TracedIterator:
        self._self_steps.ask(caller())
        return self

    def __next__(self) -> Any:
        steps = self._self_steps
        steps.over(caller())
        try:
            result, pulled = self._self_pull(self.__wrapped__, steps.client)
        except BaseException:
            steps.finish()
            raise
        if pulled is not None:
            steps.pulled(pulled)
        return result


class TracedAsyncIterator(_TracedIterator):
    """What a consumer's `__aiter__` gives."""

    def __aiter__(self) -> TracedAsyncIterator:
        return self

    def __anext__(self) -> Awaitable[Any]:
        # Called by the loop's own frame; what it awaits then must not hold on to that frame, which holds it.
        steps = self._self_steps
        steps.over(caller())
        if passes_through(steps.client.library.telemetry):
            return type(self.__wrapped__).__anext__(self.__wrapped__)  # type: ignore[no-any-return]
        return self._next()

    async def _next(self) -> Any:
        steps = self._self_steps
        try:
            result, pulled = await self._self_pull(self.__wrapped__, steps.client)
        except BaseException:
            steps.finish()
            raise
        if pulled is not None:
            steps.pulled(pulled)
        return result


class TracedGenerator(wrapt.ObjectProxy):  # type: ignore[type-arg]  # wrapt 1 has no parameters
    """A generator of messages, to everyone who looks: loops get a fresh iterator of it, `next` pulls one message."""

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
        """Close the generator, whose last message is done with."""
        per_task.finish_current(self._self_client)
        self.__wrapped__.close()


class TracedList(list[Any]):
    """A polled list of messages: equal to the library's, and iterating it processes message by message."""

    __slots__ = ("_client", "_found")

    def __init__(
        self, records: Iterable[Any] = (), client: Client | None = None, found: Mapping[int, Polled] | None = None
    ) -> None:
        super().__init__(records)
        # The records are kept with it: an identity is only good as long as its object lives.
        self._found = (tuple(self[:]) if found else (), found or {})
        self._client = client

    def __iter__(self) -> Iterator[Any]:
        # Whoever makes a list of the same type has no client, or has not even called its constructor.
        client = getattr(self, "_client", None)
        if client is None or client.library.telemetry.scope is None:
            return super().__iter__()
        return TracedListIterator(super().__iter__(), client, self._found[1], caller())

    def __reduce_ex__(self, _: Any) -> tuple[Any, ...]:
        return list, (self[:],)


class TracedListIterator:
    """Iterates a batch with a turn around each of its messages."""

    __slots__ = ("_found", "_records", "_steps")

    def __init__(
        self, records: Iterator[Any], client: Client, found: Mapping[int, Polled], frame: FrameType | None
    ) -> None:
        self._records = records
        self._found = found
        self._steps = LoopProcessing(client, frame)

    def __iter__(self) -> TracedListIterator:
        self._steps.ask(caller())
        return self

    def __next__(self) -> Any:
        steps = self._steps
        steps.over(caller())
        try:
            record = next(self._records)
        except StopIteration:
            steps.finish()
            raise
        steps.iterated(record, self._found.get(id(record)))
        return record

    def __length_hint__(self) -> int:
        return self._records.__length_hint__()  # type: ignore[attr-defined,no-any-return]  # a list's iterator has it

    def __del__(self) -> None:
        self._steps.drop(caller())


class LoopProcessing:
    """The turns of one loop, one after the other."""

    __slots__ = ("asked", "client", "copying", "deferring", "processing", "started", "watch")

    def __init__(self, client: Client, frame: FrameType | None) -> None:
        self.client = client
        self.processing: Processing | None = None
        self.watch: unwinding.FrameWatch | None = None
        self.copying = self.started = False
        self.asked = self._place(frame)
        self.deferring = deferral.may_hand_over(frame)

    @staticmethod
    def _place(frame: FrameType | None) -> tuple[int, int]:
        return id(frame), -1 if frame is None else frame.f_lasti

    @guarded
    def ask(self, frame: FrameType | None) -> None:
        """Note who asks for the iterator."""
        self.asked = self._place(frame)

    def over(self, frame: FrameType | None) -> None:
        """End the turn, since this frame, which runs the body, comes for its next message."""
        try:
            if not self.started:
                self.started, self.copying = True, self._copies(frame)
            processing, watch = self.processing, self.watch
            if processing is not None:
                self.processing = None
                deferral.finish_or_defer(processing, self.client, self.deferring)
            if frame is not None and not self.copying and (watch is None or not watch.follows(frame)):
                self._follow(frame)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is ours
            failed("core.process.loops.Steps.over", error)

    def _copies(self, frame: FrameType | None) -> bool:
        # Asked for and drained by one instruction: a copy (`list`, `sorted`, unpacking) runs nobody's code. But a loop
        # over what goes on to the next list by itself, as `itertools.chain`, asks where it comes for the next item.
        if frame is None or self.asked == self._place(frame):
            return frame is not None and not unwinding.loops_at(frame)
        return not self.deferring and unwinding.only_collects(frame)  # who works on them nobody sees

    def _follow(self, frame: FrameType) -> None:
        if self.watch is not None:
            self.watch.close()
        self.watch = unwinding.FrameWatch(frame, self._unwound)

    def pulled(self, pulled: Pulled) -> None:
        """Begin the turn of a message that was pulled just now."""
        try:
            message = pulled.message()
            if message is not None:
                self._begin(pulled.record, message, None)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is ours
            failed("core.process.loops.Steps.pulled", error)

    @guarded
    def iterated(self, record: Any, polled: Polled | None) -> None:
        """Begin the turn of a message that was polled before; without one, for what the application has put in."""
        if polled is not None:
            message, context, origin = polled
            self._begin(record, message, (context, origin))

    def _begin(self, record: Any, message: Message, found: Extracted | None) -> None:
        if self.copying:
            self.client.expect_any_offset()  # of a copied message the ledger will hear nothing
        elif self.client.library.telemetry.scope is not None:
            self.processing = begin_processing(self.client, record, message, found)

    def _unwound(self, error: BaseException) -> None:
        if self.processing is not None:
            self.processing.end_unless_manual(error)

    @guarded
    def drop(self, frame: FrameType | None) -> None:
        """End the last turn, since the loop has dropped its iterator."""
        watch, self.watch = self.watch, None
        processing, self.processing = self.processing, None
        if watch is None:
            return
        error = watch.outcome(frame)
        watch.close()
        if processing is not None:
            deferral.finish_or_defer(processing, self.client, self.deferring, error)

    @guarded
    def finish(self) -> None:
        """Follow the loop no longer, since it has come to its end."""
        if self.watch is not None:
            self.watch.close()
            self.watch = None
