"""Writes requests as OTLP JSON, a line each: protobuf's JSON, but enums as numbers and ids in hex.

https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding. Text is written field by field: dictionaries that
`json` writes take twice the time, and protobuf's own `MessageToDict` four times.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from json.encoder import encode_basestring_ascii as quoted
from typing import TYPE_CHECKING, Any, TypeAlias

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

if TYPE_CHECKING:
    from . import Request

Writer: TypeAlias = Callable[[Any], str]
ID_FIELDS = {"trace_id", "span_id", "parent_span_id"}
WIDE_INTEGERS = {FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64}
REALS = {FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT}
ATTRIBUTE = "opentelemetry.proto.common.v1.KeyValue"
WRITERS: dict[FieldDescriptor, tuple[str, Writer]] = {}


def line(request: Request) -> str:
    """Return a request as one line of JSON."""
    return _object(request)


def _object(message: Message) -> str:
    members = []
    for field, value in message.ListFields():
        name, write = WRITERS.get(field) or WRITERS.setdefault(field, _writer(field, value))
        members.append(name + write(value))
    return f"{{{','.join(members)}}}"


def _attribute(pair: Any) -> str:
    """Write an attribute; most of a request are attributes, and of these most have text or a number."""
    value = pair.value
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return f'{{"key":{quoted(pair.key)},"value":{{"stringValue":{quoted(value.string_value)}}}}}'
    if kind == "int_value":
        return f'{{"key":{quoted(pair.key)},"value":{{"intValue":"{value.int_value}"}}}}'
    return _object(pair)


def _writer(field: FieldDescriptor, value: object) -> tuple[str, Writer]:
    item = _item_writer(field)
    # A descriptor tells whether its field is repeated, but by another name in each version of protobuf.
    single = isinstance(value, (str, bytes, int, float, Message))
    name = f'"{field.json_name}":'
    return name, item if single else lambda values: f"[{','.join([item(value) for value in values])}]"


def _item_writer(field: FieldDescriptor) -> Writer:
    if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
        return _attribute if field.message_type and field.message_type.full_name == ATTRIBUTE else _object
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _hex if field.name in ID_FIELDS else _base64
    if field.cpp_type in WIDE_INTEGERS:
        return _wide
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return _truth
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return quoted
    return _real if field.cpp_type in REALS else str


def _hex(value: bytes) -> str:
    return f'"{value.hex()}"'


def _base64(value: bytes) -> str:
    return f'"{base64.b64encode(value).decode()}"'


def _wide(value: int) -> str:
    return f'"{value}"'


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _real(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return '"NaN"' if math.isnan(value) else '"Infinity"' if value > 0 else '"-Infinity"'
