"""How many messages a body in protobuf has within it: each takes memory, and an empty one is two bytes long."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

MOST_MESSAGES = 1_000_000  # of a request at most: they take some 130 MB
NESTING = 100  # as deep as protobuf reads
LENGTH, VARINT, EIGHT, FOUR = 2, 0, 1, 5  # how a field is written
_TAGS = tuple(bytes([number << 3 | LENGTH]) for number in range(1, 16))  # OTLP has no message in a field above these
Fields: TypeAlias = "dict[int, Descriptor]"


def crowded(body: bytes, kind: Descriptor) -> bool:
    """Return whether a body of this kind has more than `MOST_MESSAGES`; one that is damaged has not."""
    # No body has more messages than bytes that may begin one, which are counted much sooner.
    if sum(map(body.count, _TAGS)) <= MOST_MESSAGES:
        return False
    try:
        return _more_than(MOST_MESSAGES, body, kind)
    except IndexError:  # it ends too early
        return False


@cache
def _fields(kind: Descriptor) -> Fields:
    """Return the kinds of the messages that a kind has within it, by their tags."""
    fields: Any = kind.fields
    return {field.number << 3 | LENGTH: field.message_type for field in fields if field.message_type is not None}


def _more_than(most: int, body: bytes, kind: Descriptor) -> bool:
    """Go through a body message by message, into each as it comes."""
    count, at, end, fields = 0, 0, len(body), _fields(kind)
    around: list[tuple[int, Fields]] = []
    while True:
        if at >= end:
            if not around:
                return False
            end, fields = around.pop()
            continue
        tag, at = _number(body, at)
        size, at = _size(body, at, tag & 7)
        if tag not in fields:
            at += size
            continue
        count += 1
        if count > most or len(around) > NESTING:
            return count > most
        around.append((end, fields))
        end, fields = at + size, _fields(fields[tag])


def _number(body: bytes, at: int) -> tuple[int, int]:
    """Return the number that is written at a place, and where it ends."""
    value, shift = body[at], 7
    if value < 0x80:
        return value, at + 1
    value &= 0x7F
    while True:
        at += 1
        value |= (body[at] & 0x7F) << shift
        if body[at] < 0x80:
            return value, at + 1
        shift += 7


def _size(body: bytes, at: int, way: int) -> tuple[int, int]:
    """Return how long a field's value is, and where it begins."""
    if way == LENGTH:
        return _number(body, at)
    if way == VARINT:
        return 0, _number(body, at)[1]
    return {EIGHT: 8, FOUR: 4}.get(way, len(body)), at
