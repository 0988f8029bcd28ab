"""A library's clients: a producer, a consumer, and a consumer whose calls are awaited."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from opentelemetry import context
from support.eventloop import EventLoop

from drivers.base.words import PATIENCE, By, Received, Shape

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable, Sequence

    from drivers.base.words import Message, Reading, Receipt, Sending

Body = Callable[[Received], object]


class Pending(ABC):
    """A send the library has taken."""

    native: Any

    @abstractmethod
    def wait(self) -> Receipt:
        """Wait for the answer; raises what the library reports."""


class Producer(ABC):
    """A client that sends to one destination."""

    native: Any

    @abstractmethod
    def __init__(self, address: str, destination: str, how: Sending) -> None: ...

    @abstractmethod
    def send(self, message: Message, by: By = By.HABIT) -> Pending:
        """Hand a message to the library."""

    @abstractmethod
    def flush(self) -> None:
        """Have everything sent."""

    @abstractmethod
    def close(self) -> None:
        """Close it in good order; more than once is once."""

    def abandon(self) -> None:
        """Close it without waiting for answers (`Can.ABANDON`)."""
        raise NotImplementedError


class Consumer(ABC):
    """A client that reads from one or more destinations, each from its beginning."""

    native: Any

    @abstractmethod
    def __init__(self, address: str, destinations: tuple[str, ...], how: Reading) -> None: ...

    @abstractmethod
    def read(self, native: Any) -> Received:
        """Say what is in the library's message."""

    @abstractmethod
    def close(self) -> None:
        """Close it in good order; more than once is once."""

    def loop(self) -> Iterable[Any]:
        """Give what a `for` runs over (`Shape.LOOP`)."""
        raise NotImplementedError

    def pull(self) -> Any:
        """Give one message (`Shape.PULL`)."""
        raise NotImplementedError

    def poll(self, timeout: float) -> Any:
        """Give what one pull of several messages returned (`Shape.BATCH`)."""
        raise NotImplementedError

    def lists(self, result: Any) -> list[Sequence[Any]]:
        """Give the iterables in what `poll` returned, in its order."""
        raise NotImplementedError

    def settle(self) -> None:
        """Settle what was consumed, and wait for the answer (`Can.SETTLE`)."""
        raise NotImplementedError

    def settle_later(self) -> None:
        """Settle what was consumed; return when the answer has come (`Can.SETTLE_LATER`)."""
        raise NotImplementedError

    def rewind(self) -> None:
        """Start over (`Can.REWIND`)."""
        raise NotImplementedError

    def consume(self, shape: Shape, body: Body, count: int = 1) -> None:
        """Have that many messages go through the body, in that shape; raises what the body raises."""
        ways = {
            Shape.LOOP: self._loop,
            Shape.ASYNC: self._async,
            Shape.PULL: self._pull,
            Shape.BATCH: self._batch,
            Shape.CALLBACK: self._callback,
        }
        ways[shape](body, count)

    def _loop(self, body: Body, count: int) -> None:
        for native in self.loop():
            body(self.read(native))
            count -= 1
            if not count:
                break
        if count:
            raise TimeoutError(f"{count} more messages were to come")

    def _pull(self, body: Body, count: int) -> None:
        for _ in range(count):
            body(self.read(self.pull()))

    def _batch(self, body: Body, count: int) -> None:
        while count:
            for batch in self.lists(self.some()):
                for native in batch:
                    body(self.read(native))
                    count -= 1
                    if not count:
                        return

    def _async(self, body: Body, count: int) -> None:
        raise NotImplementedError

    def _callback(self, body: Body, count: int) -> None:
        raise NotImplementedError

    def some(self) -> Any:
        """Give what the first pull that is not empty returned."""
        result = self.poll(PATIENCE)
        if not self.lists(result):
            raise TimeoutError("a message was to come")
        return result

    def batch(self, size: int) -> Sequence[Any]:
        """Give the one iterable of a pull, which is to have that many messages."""
        [batch] = self.lists(self.some())
        assert len(batch) == size, f"{len(batch)} messages came at once, not {size}"
        return batch


class AsyncConsumer(Consumer):
    """A consumer whose calls are awaited: in its event loop, where a body is called by the task that consumes."""

    def __init__(self) -> None:
        self.events = EventLoop()

    async def start(self) -> None:
        """Do what is to be done before the first message can be had; more than once is once."""

    @abstractmethod
    def iterator(self) -> AsyncIterable[Any]:
        """Give what an `async for` runs over."""

    async def one(self) -> Any:
        """Give one message (`Shape.PULL`)."""
        raise NotImplementedError

    async def several(self, timeout: float) -> Any:
        """Give what one pull of several messages returned (`Shape.BATCH`)."""
        raise NotImplementedError

    def pull(self) -> Any:
        return self.events.run(self.one())

    def poll(self, timeout: float) -> Any:
        return self.events.run(self.several(timeout))

    def _async(self, body: Body, count: int) -> None:
        async def consume(count: int) -> None:
            await self.start()
            async for native in self.iterator():
                body(self.read(native))
                count -= 1
                if not count:
                    return
            raise TimeoutError(f"{count} more messages were to come")

        async def check() -> None:
            before = context.get_current()
            try:
                await consume(count)
            finally:
                assert context.get_current() == before, f"the context is {context.get_current()}, not {before}"

        self.events.visit(check())

    def _pull(self, body: Body, count: int) -> None:
        async def consume() -> None:
            for _ in range(count):
                body(self.read(await self.one()))

        self.events.visit(consume())
