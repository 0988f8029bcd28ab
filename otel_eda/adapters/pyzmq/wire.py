"""The state of a socket: its trailers, and a frame that was received ahead."""

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
    """The state of one socket, however many objects stand for it.

    `held` is a frame that was received to see whether it is a trailer; `whole` says that a call of the library is
    receiving all frames of a message; `complete`, that the last frame of a message was handed over; `arrived` is the
    message's trailer; `control`, that it was a subscription. `subscribed` says that the socket has subscribed to
    everything. `owner` is the object by which it was used first.
    """

    kind: int
    framed: bool = False
    endpoint: str = ""
    destination: str = UNBOUND
    conflates: bool = False
    receives_all_frames: bool = False
    message_complete: bool = False
    was_subscription: bool = False
    subscribed: bool = False
    held_frame: Any = None
    trailer: trailer.Trailer | None = None
    outbox: Outbox = field(default_factory=Outbox)
    owner: ref[Any] | None = None

    @property
    def filters(self) -> bool:
        """Whether the socket may filter messages: those that it does not want are not missed."""
        return self.kind in {options.SUB, options.XSUB} and not self.subscribed

    def read_endpoint(self, socket: Any) -> None:
        """Read the address to which the socket was bound or connected last."""
        if self.kind <= options.XSUB:
            self.endpoint = option(socket, options.LAST_ENDPOINT).rstrip(b"\0").decode("utf-8", "replace")
            self.destination = destination(self.endpoint) if self.endpoint else UNBOUND
            self.framed = not self.endpoint.startswith(options.RESERVED)
            self.conflates = bool(option(socket, options.CONFLATE))

    @guarded
    def receive_ahead(self, socket: Any, part: Any) -> None:
        """Receive the next frame, after a frame that more follow, to see whether it is a trailer."""
        self.trailer = None
        if option(socket, options.RCVMORE):
            # ZeroMQ delivers all parts of a message or none, so this never waits.
            ahead = base().recv(socket, options.DONTWAIT, False)
            self.trailer = None if ahead.more else read_trailer(ahead)
            if self.trailer is None:
                self.held_frame = ahead
                holding.add(self)
            elif hasattr(part, "more"):
                part.more = False
        self.message_complete = self.held_frame is None
        self.was_subscription = self.kind == options.XPUB and beginning(part) in options.SUBSCRIPTIONS

    @guarded
    def take_trailer(self, parts: list[Any]) -> None:
        """Take the trailer out of a whole message."""
        self.message_complete, self.trailer = True, read_trailer(parts[-1]) if len(parts) > 1 else None
        self.was_subscription = self.kind == options.XPUB and beginning(parts[0]) in options.SUBSCRIPTIONS
        if self.trailer is not None:
            del parts[-1]
            if hasattr(parts[-1], "more"):
                parts[-1].more = False

    def release(self) -> Any:
        """Return the frame that was received ahead, and hold it no longer."""
        frame, self.held_frame = self.held_frame, None
        holding.discard(self)
        return frame


def read_trailer(frame: Any) -> trailer.Trailer | None:
    """Return the trailer of a frame, bytes or not, or None if it is none."""
    short = len(frame) <= trailer.MAX_BYTES  # a longer frame need not be copied
    return trailer.unpack(frame if isinstance(frame, bytes) else frame.bytes) if short else None


holding: set[Wire] = set()
"""The sockets that hold a frame."""
