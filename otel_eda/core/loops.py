"""Iterators that know where the turn of a loop begins and ends."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import wrapt

from . import bodies, turns
from .guard import guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator
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


Puller: TypeAlias = "Callable[[Any, Client], tuple[Any, Pulled | None]]"
"""Pulls one message from a consumer: what the application gets, and what we know of it."""


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
        """End the turn, since the loop comes for its next message."""
        if not self.started:
            # Asked for and drained by the same instruction: a copy (`list`, `sorted`, unpacking) runs nobody's code.
            self.started, self.copying = True, self.asked == self._place(frame)
        if self.turn is not None:
            turn, self.turn = self.turn, None
            turns.over(turn, self.client, self.deferring)

    @guarded
    def pulled(self, pulled: Pulled, frame: FrameType) -> None:
        """Begin the turn of a message that was pulled just now."""
        message = pulled.message()
        if message is not None:
            self._begin(pulled.record, message, None, frame)

    @guarded
    def iterated(self, record: Any, polled: Polled | None, frame: FrameType) -> None:
        """Begin the turn of a message that was polled before; without one, for what the application has put in."""
        if polled is not None:
            message, context, origin = polled
            self._begin(record, message, (context, origin), frame)

    def _begin(self, record: Any, message: Message, found: Found | None, frame: FrameType) -> None:
        if self.copying or self.client.library.telemetry.scope is None:
            return
        if self.watch is None or self.watch.frame != id(frame) or self.watch.code is not frame.f_code:
            self._follow(frame)
        self.turn = turns.begin(self.client, record, message, found)

    def _follow(self, frame: FrameType) -> None:
        if self.watch is not None:
            self.watch.close()
        self.watch = bodies.Watch(frame, self._unwound)

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


class Loop(wrapt.ObjectProxy):  # type: ignore[type-arg]  # wrapt 1 has no parameters
    """What a consumer's `__iter__` gives: the consumer to everyone who looks, and a fresh iterator to the loop."""

    _self_steps: Steps
    _self_pull: Puller

    def __init__(self, consumer: Any, client: Client, pull: Puller, frame: FrameType) -> None:
        super().__init__(consumer)
        self._self_steps = Steps(client, frame)
        self._self_pull = pull

    def __iter__(self) -> Loop:
        self._self_steps.ask(sys._getframe(1))
        return self

    def __next__(self) -> Any:
        steps, frame = self._self_steps, sys._getframe(1)
        if steps.turn is not None or not steps.started:
            steps.over(frame)
        try:
            result, pulled = self._self_pull(self.__wrapped__, steps.client)
        except BaseException:
            steps.finish()
            raise
        if pulled is not None:
            steps.pulled(pulled, frame)
        return result

    def __del__(self) -> None:
        self._self_steps.drop(sys._getframe(1) if sys is not None else None)


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
        steps, frame = self._steps, sys._getframe(1)
        steps.over(frame)
        try:
            record = next(self._records)
        except StopIteration:
            steps.finish()
            raise
        steps.iterated(record, self._found.get(id(record)), frame)
        return record

    def __length_hint__(self) -> int:
        return self._records.__length_hint__()  # type: ignore[attr-defined,no-any-return]  # a list's iterator has it

    def __del__(self) -> None:
        self._steps.drop(sys._getframe(1) if sys is not None else None)


class Pull:
    """The turn between one pull of a message and the next pull, commit or close by the same thread."""

    @staticmethod
    @guarded
    def over(client: Client) -> None:
        """End this thread's turn."""
        entry = client.pulls.pop(threading.get_ident(), None)
        if entry is not None:
            turn, watch = entry
            watch.close()
            turns.over(turn, client, turns.by_hand)

    @staticmethod
    def settled(client: Client, tags: Container[int]) -> None:
        """End this thread's turn if its message was settled."""
        entry = client.pulls.get(threading.get_ident())
        if entry is not None and entry[0].tag in tags:
            Pull.over(client)

    @staticmethod
    @guarded
    def begin(pulled: Pulled, frame: FrameType) -> None:
        """Begin this thread's turn."""
        message = pulled.message()
        if message is not None:
            turn = turns.begin(pulled.client, pulled.record, message)
            pulled.client.pulls[threading.get_ident()] = turn, bodies.Watch(frame, turn.fail, returns=True)


def end_all(client: Client, error: BaseException | None) -> None:
    """End every turn of a client that nobody processes by hand: as done, or with an error."""
    for _, watch in list(client.pulls.values()):
        watch.close()
    client.pulls.clear()
    turns.flush(client)
    for turn in list(turns.open_turns.values()):
        if turn.route.client is client and not turn.by_hand:
            turn.end(error)
