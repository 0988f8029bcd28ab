"""The trailers of the messages that a socket sends."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import Any

from otel_eda.core import config, guarded, inject, sending

from . import trailer
from .options import SNDMORE


def propagates(destination: str) -> bool:
    """Return whether context is to travel with what is sent to a destination."""
    settings = config()
    return settings.zmq_propagate and settings.injects("pyzmq", destination)


@dataclass(slots=True)
class Outbox:
    """The trailer of a socket's next message.

    `carries` says that the message is to have one; `headers` are those of a message that had to wait, None for the
    current context's; `sequence` is the number of the next message, `sent` that of the last one, None if it had no
    trailer.
    """

    pending: bool = False
    headers: dict[str, str] | None = None
    sender: str = field(default_factory=lambda: os.urandom(8).hex())
    sequence: int = 0
    last_sequence: int | None = None

    @guarded
    def pack(self, flags: Any) -> bytes | None:
        """Return the trailer of the message whose frame is about to be sent, or None if the frame is not its last."""
        if not self.pending or not isinstance(flags, int) or flags & SNDMORE or not sending():
            return None
        return trailer.pack(self.headers or inject(), self.sender, self.sequence, int(time.time() * 1000))

    def count_sent(self) -> None:
        """Count a message that was sent with its trailer."""
        self.pending, self.headers, self.last_sequence = False, None, self.sequence
        self.sequence += 1
