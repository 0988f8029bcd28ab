"""Reads OTLP in protobuf from a file: one request, or several with the length of each before it.

The Collector's file exporter writes lengths as four bytes, before JSON as well if it compresses:
https://github.com/open-telemetry/opentelemetry-collector-contrib/tree/main/exporter/fileexporter#file-format.
Others write them as protobuf does, in varints.
"""

from __future__ import annotations

import json
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO

import zstandard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_eda.otlp import Request

RESOURCE = 0x0A  # the tag of a resource with its items: field 1, with a length
MOST_BYTES = 1 << 30  # of a request
MOST_VARINT_BYTES = 5
ZSTD = b"\x28\xb5\x2f\xfd"
DAMAGED_LINE = "{"


def is_binary(head: bytes) -> bool:
    """Return whether a file that begins so may hold requests in protobuf, or requests with their lengths."""
    if head[:1] == b"\0":  # no request has 16 megabytes
        return len(head) > 4 and (head[4] == RESOURCE or head[4:].startswith((b"{", ZSTD)))
    if head[:1] in {b"{", b"["} and head[2:].lstrip()[:1] in {b'"', b"{", b"}", b"]", b""}:
        return False
    if head[:1] == bytes([RESOURCE]):
        return len(head) > 2 and not head[1:].lstrip().startswith((b"{", b"["))
    end = next((at for at, byte in enumerate(head[:MOST_VARINT_BYTES]) if byte < 0x80), None)
    return end is not None and head[end + 1 : end + 2] == bytes([RESOURCE]) and not head[:1].isspace()


def lines(file: BinaryIO, head: bytes) -> Iterator[str]:
    """Yield the lines of OTLP JSON that a file stands for, and a damaged line for each part that makes no sense.

    Raises `ValueError` or `EOFError` where nothing more can be read.
    """
    if head[:1] == bytes([RESOURCE]):
        yield from _request_lines(file)
        return
    while (body := _framed(file, _fixed if head[:1] == b"\0" else _varint)) is not None:
        yield from _body_lines(body)


def whole_lines(data: bytes, head: bytes) -> tuple[list[str], bytes]:
    """Return the lines of the requests that are whole, and the bytes of the one that is not: the file still grows."""
    file, found, at = BytesIO(data), [], 0
    try:
        for line in lines(file, head):
            found.append(line)
            at = file.tell()
    except EOFError:
        return found, data[at:]
    except ValueError:
        found.append(DAMAGED_LINE)
    return found, b""


def _body_lines(body: bytes) -> Iterator[str]:
    try:
        yield from _read_body(body)
    except (ValueError, EOFError, RecursionError, zstandard.ZstdError):
        yield DAMAGED_LINE


def _read_body(body: bytes) -> Iterator[str]:
    if body.startswith(ZSTD):
        body = zstandard.ZstdDecompressor().decompressobj().decompress(body)
    if body[:1] == b"{":
        yield json.dumps(json.loads(body))
    else:
        yield from _request_lines(BytesIO(body))


def _request_lines(file: BinaryIO) -> Iterator[str]:
    """Yield a line for each resource: so a file that breaks off gives those before, and a large one fits in memory."""
    from otel_eda.otlp.json_lines import line

    while tag := file.read(1):
        if tag[0] != RESOURCE:
            raise ValueError("not a resource")
        body = _framed(file, _varint)
        if body is None:
            raise EOFError
        request = _request(tag + _as_varint(len(body)) + body)
        yield line(request) if request is not None else DAMAGED_LINE


def _request(body: bytes) -> Request | None:
    """Return the request in a body, whose signal is found by what makes sense in it; None if nothing does."""
    from google.protobuf.message import DecodeError

    from otel_eda.otlp import REQUESTS

    empty = None
    for signal, made in REQUESTS.items():
        try:
            request = made.FromString(body)
        except DecodeError:
            continue
        items = list(_items(request, signal))
        if items and all(map(PLAUSIBLE[signal], items)):
            return request
        empty = request if not items else empty
    return empty


def _items(request: Any, signal: str) -> Iterator[Any]:
    resources, scopes, items = {
        "traces": ("resource_spans", "scope_spans", "spans"),
        "metrics": ("resource_metrics", "scope_metrics", "metrics"),
        "logs": ("resource_logs", "scope_logs", "log_records"),
    }[signal]
    for resource in getattr(request, resources):
        for scope in getattr(resource, scopes):
            yield from getattr(scope, items)


PLAUSIBLE: dict[str, Callable[[Any], bool]] = {
    "traces": lambda span: len(span.trace_id) == 16 and len(span.span_id) == 8 and span.start_time_unix_nano > 0,
    "metrics": lambda metric: bool(metric.name and metric.WhichOneof("data")),
    "logs": lambda record: record.time_unix_nano > 0 or record.observed_time_unix_nano > 0,
}


def _framed(file: BinaryIO, length: Callable[[BinaryIO], int | None]) -> bytes | None:
    """Return the bytes that follow their length, or None at the end of the file."""
    size = length(file)
    if size is None:
        return None
    if size > MOST_BYTES:
        raise ValueError("too large")
    body = file.read(size)
    if len(body) < size:
        raise EOFError
    return body


def _fixed(file: BinaryIO) -> int | None:
    got = file.read(4)
    if got and len(got) < 4:
        raise EOFError
    return int.from_bytes(got, "big") if got else None


def _varint(file: BinaryIO) -> int | None:
    value = 0
    for number in range(MOST_VARINT_BYTES):
        got = file.read(1)
        if not got:
            if number:
                raise EOFError
            return None
        value |= (got[0] & 0x7F) << 7 * number
        if got[0] < 0x80:
            return value
    raise ValueError("not a length")


def _as_varint(value: int) -> bytes:
    made = bytearray()
    while value >= 0x80:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])
