"""What has come from senders that number their messages: losses, repeats, and what came out of order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_eda import semconv

from .account import Fact
from .intervals import Sequence

if TYPE_CHECKING:
    from .message import Message
    from .routes import Route

SENDERS = 10_000


class Senders:
    """The sequences of the senders heard last."""

    __slots__ = ("_sequences",)

    def __init__(self) -> None:
        self._sequences: dict[str, Sequence] = {}

    def of(self, sender: str) -> Sequence:
        """Give a sender's sequence."""
        found = self._sequences.get(sender)
        if found is None:
            found = self._sequences.setdefault(sender, Sequence())
            if len(self._sequences) > SENDERS:
                self._sequences.pop(next(iter(self._sequences)), None)
        return found

    def forget(self) -> None:
        """Begin anew, in a forked child: what it was forked from may hold a lock."""
        self._sequences.clear()


together = Senders()
"""Of senders that share their messages out among receivers, of which this process may have several."""


def heard(route: Route, message: Message) -> None:
    """Note the arrival of a numbered message; the message tells on its span what that brings to light."""
    if message.sender is None or message.sequence is None:
        return
    senders = together if message.shared else route.client.senders
    again, late, missed = senders.of(message.sender).came(message.sequence)
    found: dict[str, Any] = {}
    if again:
        route.told(Fact.REDELIVERED, None)
        found = {semconv.REDELIVERED: True}
    elif late:
        route.told(Fact.OUT_OF_ORDER, None)
        found = {semconv.MISORDERED: True}
    elif missed:
        route.count(route.client.scope.metrics.missed, number=missed)
        found = {semconv.MISSED: missed}
    message.attributes = {**(message.attributes or {}), **found}
