"""What a socket says beside the messages it sends."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import Any

from otel_eda.core import config, guarded, inject, sending

from . import trailer
from .options import SNDMORE


def propagates(destination: str) -> bool:
    """Tell whether context is to travel with what is sent there."""
    settings = config()
    return settings.zmq_propagate and settings.injects("pyzmq", destination)


@dataclass(slots=True)
class Outbox:
    """The next message's trailer.

    `carries` says that it is to have one; `headers` are those of a message that had to wait, None for the current
    context's; `sequence` is the number of the next message, `sent` that of the last one, None if it went without.
    """

    carries: bool = False
    headers: dict[str, str] | None = None
    sender: str = field(default_factory=lambda: os.urandom(8).hex())
    sequence: int = 0
    sent: int | None = None

    @guarded
    def pack(self, flags: Any) -> bytes | None:
        """Make the trailer of the message of which a part is about to be sent; None if it does not follow that."""
        if not self.carries or not isinstance(flags, int) or flags & SNDMORE or not sending():
            return None
        return trailer.pack(self.headers or inject(), self.sender, self.sequence, int(time.time() * 1000))

    def number(self) -> None:
        """Count a message that was sent with its trailer."""
        self.carries, self.headers, self.sent = False, None, self.sequence
        self.sequence += 1
