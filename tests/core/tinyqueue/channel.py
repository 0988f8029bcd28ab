"""A channel, which hands messages to callbacks and has each of them settled."""

from __future__ import annotations

import inspect
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from core.tinyqueue.messages import Headers, Queue


@dataclass(eq=False)
class Delivery:
    """One attempt to have a message processed."""

    topic: str
    tag: int
    headers: Headers
    tries: int = 0
    channel: Channel | None = None


class Block:
    """Acknowledges a message where the block ends, refuses it where an exception leaves it."""

    def __init__(self, channel: Channel, delivery: Delivery) -> None:
        self.channel = channel
        self.delivery = delivery

    def __enter__(self) -> Delivery:
        return self.delivery

    def __exit__(self, kind: object, error: BaseException | None, where: object) -> None:
        if error is None:
            self.channel.ack(self.delivery.tag)
        else:
            self.channel.nack(self.delivery.tag)

    async def __aenter__(self) -> Delivery:
        return self.__enter__()

    async def __aexit__(self, kind: object, error: BaseException | None, where: object) -> None:
        self.__exit__(kind, error, where)


class Subscription:
    """A topic of a channel: to iterate it gives an iterator."""

    def __init__(self, channel: Channel, topic: str) -> None:
        self.channel = channel
        self.topic = topic

    def __iter__(self) -> Iterator[Delivery]:
        return _Deliveries(self.channel, self.topic)


class _Deliveries:
    def __init__(self, channel: Channel, topic: str) -> None:
        self.channel = channel
        self.topic = topic

    def __iter__(self) -> _Deliveries:
        return self

    def __next__(self) -> Delivery:
        taken = self.channel._take(self.topic, auto=False)
        if taken is None:
            raise StopIteration
        return taken[0]


class Channel:
    """Hands messages to callbacks, as `callback(channel, delivery, value)`; who does not want one again settles it."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self.callbacks: dict[str, tuple[Callable[..., Any], bool]] = {}
        self.ready: dict[str, deque[tuple[Delivery, object]]] = {}
        self.waiting: dict[int, tuple[Delivery, object]] = {}
        self.tag = 0
        self.answered: Callable[..., object] | None = None

    def confirm(self, answered: Callable[..., object]) -> None:
        """Have the sends to come answered, by their numbers from 1; raises `TypeError` if that is no callback."""
        if not callable(answered):
            raise TypeError("that is no callback")
        self.answered = answered

    def publish(self, topic: str, value: object = None, headers: Headers | None = None) -> None:
        """Send; raises `ValueError` for an empty topic."""
        if not topic:
            raise ValueError("which topic?")
        self.queue.fill(topic, value, headers=headers or [])

    def answer(self, number: int, multiple: bool = False, refused: bool = False) -> None:
        """Have the broker answer."""
        if self.answered:
            self.answered(number, multiple, refused)

    def send_back(self, topic: str) -> object:
        """Have the broker send a topic's last message back."""
        value, headers = self.queue.topics[topic].pop()
        return self.sent_back(topic, headers, value)

    def sent_back(self, topic: str, headers: Headers, value: object) -> object:  # noqa: ARG002
        """Get a message that was sent back."""
        return value

    def subscribe(self, topic: str, callback: Callable[..., Any], auto: bool = False) -> str:
        """Have a topic's messages handed to a callback; raises `TypeError` if it is none."""
        if not callable(callback):
            raise TypeError("that is no callback")
        self.callbacks[topic] = callback, auto
        return topic

    async def subscribe_async(self, topic: str, callback: Callable[..., Any], auto: bool = False) -> str:
        """Do the same."""
        return self.subscribe(topic, callback, auto)

    def run(self) -> None:
        """Call back for every message there is."""
        for topic, (callback, auto) in self.callbacks.items():
            while taken := self._take(topic, auto):
                callback(self, *taken)

    async def run_async(self) -> None:
        """Do the same, and await what there is to await."""
        for topic, (callback, auto) in self.callbacks.items():
            while taken := self._take(topic, auto):
                result = callback(self, *taken)
                if inspect.isawaitable(result):
                    await result

    def get(self, topic: str, auto: bool = False) -> tuple[Delivery, object] | tuple[None, None]:
        """Give one message; raises `ValueError` for an empty topic."""
        if not topic:
            raise ValueError("which topic?")
        return self._take(topic, auto) or (None, None)

    def listen(self, topic: str, patience: int = 0) -> Generator[tuple[Delivery, object] | tuple[None, None]]:
        """Give messages, and nothing so many times when there are no more."""
        while taken := self._take(topic, auto=False):
            yield taken
        for _ in range(patience):
            yield None, None

    def _take(self, topic: str, auto: bool) -> tuple[Delivery, object] | None:
        ready = self.ready.setdefault(topic, deque())
        ready.extend((Delivery(topic, 0, headers), value) for value, headers in self.queue.topics.pop(topic, []))
        if not ready:
            return None
        taken, self.tag = ready.popleft(), self.tag + 1
        taken[0].tag, taken[0].channel = self.tag, self
        if not auto:
            self.waiting[self.tag] = taken
        return taken

    def ack(self, tag: int = 0, multiple: bool = False) -> None:
        """Settle a message, or all up to it; raises `KeyError` if it does not wait for that."""
        self._settle(tag, multiple, requeue=False)

    def nack(self, tag: int = 0, multiple: bool = False, requeue: bool = True) -> None:
        """Refuse a message, or all up to it."""
        self._settle(tag, multiple, requeue)

    def serve(self, handler: Callable[[], object]) -> str:
        """Answer with what a handler gives or raises."""
        try:
            return str(self._execute(handler))
        except ValueError as error:
            return repr(error)

    async def serve_async(self, handler: Callable[[], object]) -> str:
        """Do the same."""
        try:
            return str(await self._execute_async(handler))
        except ValueError as error:
            return repr(error)

    def _execute(self, handler: Callable[[], object]) -> object:
        return handler()

    async def _execute_async(self, handler: Callable[[], object]) -> object:
        return handler()

    def give_back(self) -> None:
        """Refuse all that is not settled."""
        self.nack(0, multiple=True)

    async def give_back_async(self) -> None:
        """Do the same."""
        self.give_back()

    def close(self) -> None:
        """Close."""

    def _settle(self, tag: int, multiple: bool, requeue: bool) -> None:
        for one in [one for one in self.waiting if one <= tag or not tag] if multiple else [tag]:
            delivery, value = self.waiting.pop(one)
            if requeue:
                self.ready[delivery.topic].append((Delivery(delivery.topic, 0, delivery.headers, 1), value))
