"""Iterators that know where the turn of a loop begins and ends."""

from __future__ import annotations

import functools
import sys
from contextvars import Context as Variables
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import wrapt

from . import bodies, tasks, turns
from .guard import guarded

if TYPE_CHECKING:
    from asyncio import Future, Task
    from collections.abc import Awaitable, Callable, Container, Iterator
    from types import FrameType

    from opentelemetry.context import Context
    from opentelemetry.trace import SpanContext

    from .client import Client
    from .message import Message
    from .propagation import Found
    from .turns import Turn


Polled: TypeAlias = "tuple[Message, Context, SpanContext | None]"
"""A polled message and what its headers carry."""


class Pulled(Protocol):
    """One pulled message."""

    client: Client
    record: Any

    def message(self) -> Message | None:
        """Count it and read it, None if it is no message."""


Puller: TypeAlias = "Callable[[Any, Client], Any]"
"""Pulls one message from a consumer: gives, or an async one awaits, what the application gets and our `Pulled`."""


class Steps:
    """The turns of one loop, one after the other."""

    __slots__ = ("asked", "client", "copying", "deferring", "started", "turn", "watch")

    def __init__(self, client: Client, frame: FrameType) -> None:
        self.client = client
        self.turn: Turn | None = None
        self.watch: bodies.Watch | None = None
        self.copying = self.started = False
        self.asked = self._place(frame)
        self.deferring = turns.deferred_in(frame)

    @staticmethod
    def _place(frame: FrameType) -> tuple[int, int]:
        return id(frame), frame.f_lasti

    @guarded
    def ask(self, frame: FrameType) -> None:
        """Note who asks for the iterator."""
        self.asked = self._place(frame)

    @guarded
    def over(self, frame: FrameType) -> None:
        """End the turn, since this frame, which runs the body, comes for its next message."""
        if not self.started:
            # Asked for and drained by the same instruction: a copy (`list`, `sorted`, unpacking) runs nobody's code.
            self.started, self.copying = True, self.asked == self._place(frame)
        if self.turn is not None:
            turn, self.turn = self.turn, None
            turns.over(turn, self.client, self.deferring)
        watch = self.watch
        if (watch is None or watch.frame != id(frame) or watch.code is not frame.f_code) and not self.copying:
            self._follow(frame)

    def _follow(self, frame: FrameType) -> None:
        if self.watch is not None:
            self.watch.close()
        self.watch = bodies.Watch(frame, self._unwound)

    @guarded
    def pulled(self, pulled: Pulled) -> None:
        """Begin the turn of a message that was pulled just now."""
        message = pulled.message()
        if message is not None:
            self._begin(pulled.record, message, None)

    @guarded
    def iterated(self, record: Any, polled: Polled | None) -> None:
        """Begin the turn of a message that was polled before; without one, for what the application has put in."""
        if polled is not None:
            message, context, origin = polled
            self._begin(record, message, (context, origin))

    def _begin(self, record: Any, message: Message, found: Found | None) -> None:
        if self.copying:
            self.client.jumped()  # of a copied message the ledger will hear nothing
        elif self.client.library.telemetry.scope is not None:
            self.turn = turns.begin(self.client, record, message, found)

    def _unwound(self, error: BaseException) -> None:
        if self.turn is not None:
            self.turn.fail(error)

    @guarded
    def drop(self, frame: FrameType | None) -> None:
        """End the last turn, since the loop has dropped its iterator."""
        watch, self.watch = self.watch, None
        turn, self.turn = self.turn, None
        if watch is None:
            return
        if turn is not None:
            turns.over(turn, self.client, self.deferring, watch.outcome(frame))
        watch.close()

    @guarded
    def finish(self) -> None:
        """Follow the loop no longer, since it has come to its end."""
        if self.watch is not None:
            self.watch.close()
            self.watch = None


class _Loop(wrapt.ObjectProxy):  # type: ignore[type-arg]  # wrapt 1 has no parameters
    _self_steps: Steps
    _self_pull: Puller

    def __init__(self, consumer: Any, client: Client, pull: Puller, frame: FrameType) -> None:
        super().__init__(consumer)
        self._self_steps = Steps(client, frame)
        self._self_pull = pull

    def __del__(self) -> None:
        self._self_steps.drop(sys._getframe(1) if sys is not None else None)


class Loop(_Loop):
    """What a consumer's `__iter__` gives: the consumer to everyone who looks, and a fresh iterator to the loop."""

    def __iter__(self) -> Loop:
        self._self_steps.ask(sys._getframe(1))
        return self

    def __next__(self) -> Any:
        steps = self._self_steps
        steps.over(sys._getframe(1))
        try:
            result, pulled = self._self_pull(self.__wrapped__, steps.client)
        except BaseException:
            steps.finish()
            raise
        if pulled is not None:
            steps.pulled(pulled)
        return result


class AsyncLoop(_Loop):
    """What a consumer's `__aiter__` gives."""

    def __aiter__(self) -> AsyncLoop:
        return self

    def __anext__(self) -> Awaitable[Any]:
        # Called by the loop's own frame; what it awaits then must not hold on to that frame, which holds it.
        self._self_steps.over(sys._getframe(1))
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


class Generated(wrapt.ObjectProxy):  # type: ignore[type-arg]  # wrapt 1 has no parameters
    """A generator of messages, to everyone who looks: loops get a fresh iterator of it, `next` pulls one message."""

    _self_client: Client
    _self_pull: Puller

    def __init__(self, generator: Any, client: Client, pull: Puller) -> None:
        super().__init__(generator)
        self._self_client = client
        self._self_pull = pull

    def __iter__(self) -> Loop:
        return Loop(self.__wrapped__, self._self_client, self._self_pull, sys._getframe(1))

    def __next__(self) -> Any:
        Pull.over(self._self_client)
        result, pulled = self._self_pull(self.__wrapped__, self._self_client)
        if pulled is not None:
            Pull.begin(pulled, sys._getframe(1))
        return result

    def close(self) -> None:
        """Close the generator, whose last message is done with."""
        Pull.over(self._self_client)
        self.__wrapped__.close()


class Batch(list[Any]):
    """A polled list of messages: equal to the library's, and iterating it processes message by message."""

    __slots__ = ("_client", "_found")

    def __init__(self, records: list[Any], client: Client, found: dict[int, Polled]) -> None:
        super().__init__(records)
        self._client = client
        # The records are kept with it: an identity is only good as long as its object lives.
        self._found = (tuple(records), found)

    def __iter__(self) -> Iterator[Any]:
        if self._client.library.telemetry.scope is None:
            return super().__iter__()
        return BatchLoop(super().__iter__(), self._client, self._found[1], sys._getframe(1))

    def __reduce_ex__(self, _: Any) -> tuple[Any, ...]:
        return list, (self[:],)


class BatchLoop:
    """Iterates a batch with a turn around each of its messages."""

    __slots__ = ("_found", "_records", "_steps")

    def __init__(self, records: Iterator[Any], client: Client, found: dict[int, Polled], frame: FrameType) -> None:
        self._records = records
        self._found = found
        self._steps = Steps(client, frame)

    def __iter__(self) -> BatchLoop:
        self._steps.ask(sys._getframe(1))
        return self

    def __next__(self) -> Any:
        steps = self._steps
        steps.over(sys._getframe(1))
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
        self._steps.drop(sys._getframe(1) if sys is not None else None)


_HANDED_ON = 0


class Pull:
    """The turn between one pull of a message and the next pull, commit or close by the same task or thread."""

    @staticmethod
    @guarded
    def over(client: Client) -> None:
        """End the turn of this task or thread, and one that another has handed on."""
        if not client.pulls:
            return
        for place in (tasks.here(), _HANDED_ON):
            entry = client.pulls.pop(place, None)
            if entry is not None:
                _end(client, entry, None)

    @staticmethod
    def settled(client: Client, tags: Container[int]) -> None:
        """End the turn of this task or thread, or one that another has handed on, if its message was settled."""
        entries = (client.pulls.get(place) for place in (tasks.here(), _HANDED_ON))
        if client.pulls and any(entry is not None and entry[0].tag in tags for entry in entries):
            Pull.over(client)

    @staticmethod
    @guarded
    def begin(pulled: Pulled, frame: FrameType | None) -> None:
        """Begin the turn of this task or thread; the frame, if it is the application's, is the one that pulled."""
        message = pulled.message()
        if message is None or (frame is not None and frame.f_code is tasks.WORK and Pull._hand(pulled, message, frame)):
            return
        client, task = pulled.client, tasks.running()
        turn = turns.begin(client, pulled.record, message)
        watch = None if frame is None else bodies.Watch(frame, turn.fail, pulled.record)
        client.pulls[tasks.here()] = turn, watch
        if task is not None and id(task) not in client.tasks:
            client.tasks.add(id(task))
            task.add_done_callback(functools.partial(Pull.left, client), context=Variables())

    @staticmethod
    def _hand(pulled: Pulled, message: Message, frame: FrameType) -> bool:
        # An executor's thread that was asked for the pull alone: the message is for the task that awaits it.
        future = tasks.awaited(frame)
        if future is None or future.get_loop().is_closed():
            return False
        future.get_loop().call_soon_threadsafe(Pull._take, pulled, message, future)
        return True

    @staticmethod
    @guarded
    def _take(pulled: Pulled, message: Message, future: Future[Any]) -> None:
        client, context = pulled.client, tasks.waiting(future) or Variables()
        if client.library.telemetry.scope is not None:
            Pull.over(client)
            client.pulls[_HANDED_ON] = context.run(turns.begin, client, pulled.record, message), None

    @staticmethod
    @guarded
    def left(client: Client, task: Task[Any]) -> None:
        """End the turn of a task that is at its end, or hand it on, if the message is all that the task was for."""
        client.tasks.discard(id(task))
        entry = client.pulls.pop(id(task), None)
        if entry is None:
            return
        error = tasks.outcome(task)
        if error is None and not entry[0].done and task.result() is entry[0].record:
            Pull.over(client)
            client.pulls[_HANDED_ON] = entry
        else:
            _end(client, entry, error)


def _end(client: Client, entry: tuple[Turn, bodies.Watch | None], error: BaseException | None) -> None:
    turn, watch = entry
    if watch is not None:
        watch.close()
    turns.over(turn, client, turns.by_hand, error)


def end_all(client: Client, error: BaseException | None) -> None:
    """End every turn of a client, as done or with an error, but for those that end by themselves."""
    for turn, watch in list(client.pulls.values()):
        if watch is not None:
            watch.close()
        turn.fail(error)  # not only below: messages may be one object, such as an empty one
    client.pulls.clear()
    turns.flush(client)
    for turn in list(turns.open_turns.values()):
        if turn.route.client is client and not turn.by_hand and not turn.called:
            turn.end(error)
