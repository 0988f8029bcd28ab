"""Events, and the functions that handle them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


@dataclass(frozen=True)
class Event:
    """Something that happened, or shall happen, to an order."""

    event_type: str
    order: int
    card: str = ""

    @classmethod
    def read(cls, value: bytes) -> Event:
        """Read it from a message."""
        return cls(**json.loads(value))

    def write(self) -> bytes:
        """Write it into a message."""
        return json.dumps(asdict(self)).encode()


class Handlers:
    """Knows who handles which type of event."""

    def __init__(self) -> None:
        self.known: dict[str, Callable[[Event], Awaitable[None]]] = {}

    def register(self, event_type: str, handler: Callable[[Event], Awaitable[None]]) -> None:
        self.known[event_type] = handler

    async def handle(self, event: Event) -> None:
        await self.known[event.event_type](event)
