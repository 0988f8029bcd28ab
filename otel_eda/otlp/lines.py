"""Requests as OTLP JSON, a line each: protobuf's JSON, but enums as numbers and ids in hex.

https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding. Protobuf's own `MessageToDict` takes twice the time.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

if TYPE_CHECKING:
    from . import Request

Write: TypeAlias = Callable[[Any], Any]
IDS = {"trace_id", "span_id", "parent_span_id"}
WIDE = {FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64}
REAL = {FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT}
KNOWN: dict[FieldDescriptor, tuple[str, Write]] = {}


def line(request: Request) -> str:
    """Write a request."""
    return json.dumps(_plain(request), separators=(",", ":"))


def _plain(message: Message) -> dict[str, Any]:
    made = {}
    for field, value in message.ListFields():
        name, write = KNOWN.get(field) or KNOWN.setdefault(field, _field(field, value))
        made[name] = write(value)
    return made


def _field(field: FieldDescriptor, value: object) -> tuple[str, Write]:
    one = _one(field)
    # Whether a field is repeated its descriptor tells by another name in each version of protobuf.
    single = isinstance(value, (str, bytes, int, float, Message))
    return field.json_name, one if single else lambda values: [one(value) for value in values]


def _one(field: FieldDescriptor) -> Write:
    if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
        return _plain
    if field.type == FieldDescriptor.TYPE_BYTES:
        return bytes.hex if field.name in IDS else _base64
    if field.cpp_type in WIDE:
        return str
    return _real if field.cpp_type in REAL else _same


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _real(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _same(value: Any) -> Any:
    return value
