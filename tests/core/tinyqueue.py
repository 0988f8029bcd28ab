"""A messaging library of one file, which the core has never heard of: topics in memory, a producer and a consumer."""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

__version__ = "1.2.0"
Headers = list[tuple[str, bytes]]


@dataclass(eq=False)
class Record:
    """A message as it was delivered; each delivery makes another one."""

    topic: str
    offset: int
    value: object
    headers: Headers
    timestamp: float | None = None


@dataclass
class Receipt:
    """The answer to a send, as soon as there is one."""

    topic: str
    offset: int | None = None
    error: Exception | None = None
    _callbacks: list[tuple[Callable[[Receipt], None], Callable[[BaseException], None]]] = field(default_factory=list)

    def then(self, done: Callable[[Receipt], None], failed: Callable[[BaseException], None]) -> None:
        """Have the answer reported, at once if it is there."""
        self._callbacks.append((done, failed))
        self._report()

    def resolve(self, offset: int | None, error: Exception | None = None) -> None:
        """Answer."""
        self.offset, self.error = offset, error
        self._report()

    def _report(self) -> None:
        if self.offset is None and self.error is None:
            return
        while self._callbacks:
            done, failed = self._callbacks.pop()
            failed(self.error) if self.error else done(self)


class Queue:
    """The topics."""

    def __init__(self) -> None:
        self.topics: dict[str, list[tuple[object, Headers]]] = {}
        self.address = "memory", 1

    def fill(self, topic: str, *values: object, headers: Iterable[tuple[str, bytes]] = ()) -> None:
        """Put messages into a topic."""
        self.topics.setdefault(topic, []).extend((value, list(headers)) for value in values)


class Producer:
    """Sends; the answer is there at once, or, with `linger`, at the next flush."""

    def __init__(self, queue: Queue, linger: bool = False) -> None:
        self.queue = queue
        self.linger = linger
        self.waiting: list[tuple[Receipt, object, Headers]] = []

    def send(self, topic: str, value: object = None, headers: Headers | None = None) -> Receipt:
        """Send a message; raises `ValueError` for an empty topic."""
        if not topic:
            raise ValueError("which topic?")
        receipt = Receipt(topic)
        self.waiting.append((receipt, value, headers or []))
        if not self.linger:
            self.flush()
        return receipt

    def flush(self) -> None:
        """Have everything answered; a topic that begins with `!` refuses it."""
        while self.waiting:
            receipt, value, headers = self.waiting.pop(0)
            if receipt.topic.startswith("!"):
                receipt.resolve(None, ConnectionError("refused"))
                continue
            self.queue.fill(receipt.topic, value, headers=headers)
            receipt.resolve(len(self.queue.topics[receipt.topic]) - 1)

    def close(self) -> None:
        """Close, whatever is unanswered."""


class _Reader:
    """Reads its topics one after the other from their beginnings."""

    def __init__(self, queue: Queue, *topics: str, group: str | None = "readers") -> None:
        self.queue = queue
        self.group = group
        self.offsets = dict.fromkeys(topics, 0)
        self.committed: dict[str, int] = {}

    def _any(self) -> Record | None:
        return next((record for topic in self.offsets if (record := self._next(topic))), None)

    def _next(self, topic: str) -> Record | None:
        offset = self.offsets[topic]
        stored = self.queue.topics.get(topic, [])
        if offset >= len(stored):
            return None
        self.offsets[topic] = offset + 1
        return Record(topic, offset, *stored[offset])

    def _all(self) -> dict[str, list[Record]]:
        polled: dict[str, list[Record]] = {}
        while record := self._any():
            polled.setdefault(record.topic, []).append(record)
        return polled

    def _commit(self, offsets: dict[str, int] | None) -> None:
        for topic, offset in (offsets or self.offsets).items():
            self.offsets[topic]
            self.committed[topic] = offset


class Consumer(_Reader):
    """Iterating it ends where nothing is left."""

    def __iter__(self) -> Consumer:
        return self

    def __next__(self) -> Record:
        record = self._any()
        if record is None:
            raise StopIteration
        return record

    def poll(self) -> dict[str, list[Record]]:
        """Give everything that is left."""
        return self._all()

    def commit(self, offsets: dict[str, int] | None = None) -> None:
        """Commit the given offsets, else what was read; raises `KeyError` for a topic it does not read."""
        self._commit(offsets)

    def seek(self, topic: str, offset: int) -> None:
        """Go on reading there."""
        self.offsets[topic] = offset

    def close(self) -> None:
        """Close."""


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


class AsyncProducer:
    """Sends; the answer is there soon, or, with `linger`, at the next flush."""

    def __init__(self, queue: Queue, linger: bool = False) -> None:
        self.queue = queue
        self.linger = linger
        self.waiting: list[tuple[asyncio.Future[Receipt], Receipt, object, Headers]] = []

    async def send(self, topic: str, value: object = None, headers: Headers | None = None) -> asyncio.Future[Receipt]:
        """Send a message and give a future of the answer; raises `ValueError` for an empty topic."""
        await asyncio.sleep(0)
        if not topic:
            raise ValueError("which topic?")
        future: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self.waiting.append((future, Receipt(topic), value, headers or []))
        if not self.linger:
            self.flush()
        return future

    async def publish(self, topic: str, value: object = None, headers: Headers | None = None) -> Receipt:
        """Send a message and wait for the answer."""
        future = await self.send(topic, value, headers)
        return await future

    def flush(self) -> None:
        """Have everything answered; a topic that begins with `!` refuses it."""
        while self.waiting:
            future, receipt, value, headers = self.waiting.pop(0)
            if future.done():
                continue
            if receipt.topic.startswith("!"):
                future.set_exception(ConnectionError("refused"))
                continue
            self.queue.fill(receipt.topic, value, headers=headers)
            receipt.offset = len(self.queue.topics[receipt.topic]) - 1
            future.set_result(receipt)

    async def close(self) -> None:
        """Close, whatever is unanswered."""


class AsyncConsumer(_Reader):
    """Iterating it ends where nothing is left; getting a message waits for one."""

    def __aiter__(self) -> AsyncConsumer:
        return self

    async def __anext__(self) -> Record:
        await asyncio.sleep(0)
        record = self._any()
        if record is None:
            raise StopAsyncIteration
        return record

    async def get(self) -> Record:
        """Give the next message."""
        while True:
            record = self._any()
            if record is not None:
                return record
            await asyncio.sleep(0.001)

    async def poll(self) -> dict[str, list[Record]]:
        """Give everything that is left."""
        await asyncio.sleep(0)
        return self._all()

    async def commit(self, offsets: dict[str, int] | None = None) -> None:
        """Commit the given offsets, else what was read; raises `KeyError` for a topic it does not read."""
        await asyncio.sleep(0)
        self._commit(offsets)

    async def close(self) -> None:
        """Close."""
        await asyncio.sleep(0)
