"""An async producer and an async consumer."""

from __future__ import annotations

import asyncio

from core.tinyqueue.clients import Reader
from core.tinyqueue.messages import Headers, Queue, Receipt, Record


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


class AsyncConsumer(Reader):
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
