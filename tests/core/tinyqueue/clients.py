"""A producer and a consumer."""

from __future__ import annotations

from core.tinyqueue.messages import Headers, Queue, Receipt, Record


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


class Reader:
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


class Consumer(Reader):
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
