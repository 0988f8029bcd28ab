"""Messages, the topics that hold them, and the answer to a send."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


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
