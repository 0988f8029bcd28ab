"""Reads requests that came as OTLP JSON: protobuf's JSON, but with ids in hex.

https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

from __future__ import annotations

import base64
import json
from typing import Any, TypeVar

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message

M = TypeVar("M", bound=Message)
IDS = ("traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id")
DEEPEST = 100  # values within values
MOST_VALUES = 500_000  # a span has some fifty


def read(body: bytes, kind: type[M]) -> M:
    """Return the request in a body; raises `ValueError` if there is none. Fields that are not known are ignored."""
    try:
        return ParseDict(_with_bytes(json.loads(body), 0), kind(), ignore_unknown_fields=True)
    except (ParseError, RecursionError, TypeError, AttributeError) as error:
        raise ValueError(str(error)) from error


def crowded(body: bytes) -> bool:
    """Return whether a body has more values than are read: empty ones are few bytes, but much work and memory."""
    return sum(map(body.count, (b"{", b"[", b","))) > MOST_VALUES


def _with_bytes(value: Any, depth: int) -> Any:
    """Return the same with ids in base64, as protobuf's own JSON has bytes."""
    if depth > DEEPEST:
        raise ValueError("too deep")
    if isinstance(value, list):
        return [_with_bytes(item, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _id(item) if key in IDS else _with_bytes(item, depth + 1) for key, item in value.items()}


def _id(value: Any) -> str:
    return base64.b64encode(bytes.fromhex(value)).decode()
