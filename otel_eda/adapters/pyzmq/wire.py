"""What is known of a socket: what travels beside its messages, and a frame that was received ahead of its turn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from otel_eda.core import guarded

from . import options, trailer
from .addresses import UNBOUND, destination
from .options import base, beginning, option
from .outbox import Outbox

if TYPE_CHECKING:
    from weakref import ref


@dataclass(slots=True, eq=False)
class Wire:
    """One socket, however many objects stand for it.

    `held` is a frame that was received to see whether it is a trailer; `whole` says that a call of the library is
    receiving all frames of a message; `complete`, that the last frame of one was handed over; `arrived` is its trailer;
    `control`, that it was a subscription. `subscribed` says that the socket has subscribed to all there is. `owner` is
    the object that it was used by first.
    """

    kind: int
    framed: bool = False
    endpoint: str = ""
    destination: str = UNBOUND
    single: bool = False
    whole: bool = False
    complete: bool = False
    control: bool = False
    subscribed: bool = False
    held: Any = None
    arrived: trailer.Trailer | None = None
    out: Outbox = field(default_factory=Outbox)
    owner: ref[Any] | None = None

    @property
    def selects(self) -> bool:
        """Whether there may be messages that it does not want: those are not missed."""
        return self.kind in {options.SUB, options.XSUB} and not self.subscribed

    def place(self, socket: Any) -> None:
        """Read where the socket was bound or connected to last."""
        if self.kind <= options.XSUB:
            self.endpoint = option(socket, options.LAST_ENDPOINT).rstrip(b"\0").decode("utf-8", "replace")
            self.destination = destination(self.endpoint) if self.endpoint else UNBOUND
            self.framed = not self.endpoint.startswith(options.RESERVED)
            self.single = bool(option(socket, options.CONFLATE))

    @guarded
    def look(self, socket: Any, part: Any) -> None:
        """After a part was received: is it the last, but for a trailer?"""
        self.arrived = None
        if option(socket, options.RCVMORE):
            # The parts of a message arrive together, so this never waits.
            ahead = base().recv(socket, options.DONTWAIT, False)
            self.arrived = None if ahead.more else read(ahead)
            if self.arrived is None:
                self.held = ahead
                waiting.add(self)
            elif hasattr(part, "more"):
                part.more = False
        self.complete = self.held is None
        self.control = self.kind == options.XPUB and beginning(part) in options.SUBSCRIPTIONS

    @guarded
    def strip(self, parts: list[Any]) -> None:
        """Take the trailer out of a whole message."""
        self.complete, self.arrived = True, read(parts[-1]) if len(parts) > 1 else None
        self.control = self.kind == options.XPUB and beginning(parts[0]) in options.SUBSCRIPTIONS
        if self.arrived is not None:
            del parts[-1]
            if hasattr(parts[-1], "more"):
                parts[-1].more = False

    def release(self) -> Any:
        """Give the frame that was received ahead."""
        held, self.held = self.held, None
        waiting.discard(self)
        return held


def read(frame: Any) -> trailer.Trailer | None:
    """Read a frame, bytes or not, if it is a trailer."""
    short = len(frame) <= trailer.LONGEST  # else it is not worth a copy
    return trailer.unpack(frame if isinstance(frame, bytes) else frame.bytes) if short else None


waiting: set[Wire] = set()
"""The sockets that hold a frame."""
