"""The frame that carries context: the last of a message, known by how it begins."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

MAGIC = b"\x89otel-eda\x01"
LONGEST = 16_384  # bytes: twice what the W3C has for baggage
MAX_HEADERS = 64  # headers
_SENDER = re.compile(rb"[0-9a-f]{16}")
_NUMBER = re.compile(rb"[0-9]{1,18}")


class Trailer(NamedTuple):
    """What a sender says beside its message.

    `sender` is the socket it comes from, `sequence` how many messages that has sent before, `timestamp` when this one
    was sent, in milliseconds since 1970.
    """

    headers: list[tuple[bytes, bytes]]
    sender: str
    sequence: int
    timestamp: int


def pack(headers: Mapping[str, str], sender: str, sequence: int, timestamp: int) -> bytes:
    """Give the frame: the magic, then fields with a zero byte between; headers that do not fit in are left out."""
    fields = [sender.encode(), b"%d" % sequence, b"%d" % timestamp]
    size = len(MAGIC) + sum(map(len, fields)) + 2
    for name, value in [*headers.items()][:MAX_HEADERS]:
        pair = name.encode("utf-8", "replace"), value.encode("utf-8", "replace")
        size += len(pair[0]) + len(pair[1]) + 2
        if size > LONGEST or b"\0" in pair[0] or b"\0" in pair[1]:
            break
        fields += pair
    return MAGIC + b"\0".join(fields)


def unpack(frame: bytes) -> Trailer | None:
    """Read a frame; None for all that `pack` would not have made: that is the application's own."""
    if len(frame) > LONGEST or not frame.startswith(MAGIC):
        return None
    sender, *rest = frame[len(MAGIC) :].split(b"\0", 2 * MAX_HEADERS + 3)
    if len(rest) % 2 or not 2 <= len(rest) <= 2 * MAX_HEADERS + 2 or not _SENDER.fullmatch(sender):
        return None
    sequence, timestamp, *pairs = rest
    if not _NUMBER.fullmatch(sequence) or not _NUMBER.fullmatch(timestamp):
        return None
    return Trailer([*zip(pairs[::2], pairs[1::2], strict=True)], sender.decode(), int(sequence), int(timestamp))
