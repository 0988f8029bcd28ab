"""Writes requests as OTLP JSON, a line each: protobuf's JSON, but enums as numbers and ids in hex.

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

Writer: TypeAlias = Callable[[Any], Any]
ID_FIELDS = {"trace_id", "span_id", "parent_span_id"}
WIDE_INTEGERS = {FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64}
REALS = {FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT}
ATTRIBUTE = "opentelemetry.proto.common.v1.KeyValue"
WRITERS: dict[FieldDescriptor, tuple[str, Writer]] = {}


def line(request: Request) -> str:
    """Return a request as one line of JSON."""
    return json.dumps(_plain(request), separators=(",", ":"))


def _plain(message: Message) -> dict[str, Any]:
    values = {}
    for field, value in message.ListFields():
        name, write = WRITERS.get(field) or WRITERS.setdefault(field, _writer(field, value))
        values[name] = write(value)
    return values


def _attribute(pair: Any) -> dict[str, Any]:
    """Write an attribute; most of a request are attributes, and of these most have text or a number."""
    value = pair.value
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return {"key": pair.key, "value": {"stringValue": value.string_value}}
    if kind == "int_value":
        return {"key": pair.key, "value": {"intValue": str(value.int_value)}}
    return _plain(pair)


def _writer(field: FieldDescriptor, value: object) -> tuple[str, Writer]:
    item = _item_writer(field)
    # A descriptor tells whether its field is repeated, but by another name in each version of protobuf.
    single = isinstance(value, (str, bytes, int, float, Message))
    return field.json_name, item if single else lambda values: [item(value) for value in values]


def _item_writer(field: FieldDescriptor) -> Writer:
    if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
        return _attribute if field.message_type and field.message_type.full_name == ATTRIBUTE else _plain
    if field.type == FieldDescriptor.TYPE_BYTES:
        return bytes.hex if field.name in ID_FIELDS else _base64
    if field.cpp_type in WIDE_INTEGERS:
        return str
    return _real if field.cpp_type in REALS else _same


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _real(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _same(value: Any) -> Any:
    return value
