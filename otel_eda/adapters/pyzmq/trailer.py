"""The frame that carries the context: the last of a message, recognised by its first bytes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

MAGIC = b"\x89otel-eda\x01"
MAX_BYTES = 16_384  # twice the limit of W3C Baggage
MAX_HEADERS = 64
_SENDER = re.compile(rb"[0-9a-f]{16}")
_NUMBER = re.compile(rb"[0-9]{1,18}")


class Trailer(NamedTuple):
    """The content of a trailer.

    `sender` names the socket that has sent the message, `sequence` is the number of messages that it has sent before,
    `timestamp` the time of sending in milliseconds since 1970.
    """

    headers: list[tuple[bytes, bytes]]
    sender: str
    sequence: int
    timestamp: int


def pack(headers: Mapping[str, str], sender: str, sequence: int, timestamp: int) -> bytes:
    """Return the frame: the magic, then fields with a zero byte between; headers that do not fit are left out."""
    fields = [sender.encode(), b"%d" % sequence, b"%d" % timestamp]
    size = len(MAGIC) + sum(map(len, fields)) + 2
    for name, value in [*headers.items()][:MAX_HEADERS]:
        pair = name.encode("utf-8", "replace"), value.encode("utf-8", "replace")
        size += len(pair[0]) + len(pair[1]) + 2
        if size > MAX_BYTES or b"\0" in pair[0] or b"\0" in pair[1]:
            break
        fields += pair
    return MAGIC + b"\0".join(fields)


def unpack(frame: bytes) -> Trailer | None:
    """Return the content of a frame, or None for a frame that `pack` would not make: it is the application's."""
    if len(frame) > MAX_BYTES or not frame.startswith(MAGIC):
        return None
    sender, *rest = frame[len(MAGIC) :].split(b"\0", 2 * MAX_HEADERS + 3)
    if len(rest) % 2 or not 2 <= len(rest) <= 2 * MAX_HEADERS + 2 or not _SENDER.fullmatch(sender):
        return None
    sequence, timestamp, *pairs = rest
    if not _NUMBER.fullmatch(sequence) or not _NUMBER.fullmatch(timestamp):
        return None
    return Trailer([*zip(pairs[::2], pairs[1::2], strict=True)], sender.decode(), int(sequence), int(timestamp))
