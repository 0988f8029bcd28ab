"""Makes OTLP JSON lines of files in other forms: of protobuf, and of the JSON that Jaeger and Tempo give."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import TYPE_CHECKING, BinaryIO

import zstandard

from . import documents, protobuf
from .protobuf import DAMAGED_LINE, ZSTD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GZIP = b"\x1f\x8b"
HEAD_BYTES = 4096
BROKEN = (OSError, EOFError, ValueError, zlib.error, zstandard.ZstdError)


def as_json_lines(path: Path, spool: Path) -> Path:
    """Return the file itself if it has lines of JSON, else a copy of it as OTLP JSON lines in the folder `spool`.

    In the copy a damaged line stands for each part that could not be read.
    """
    try:
        with opened(path) as file:
            head = file.read(HEAD_BYTES)
    except BROKEN:
        return path  # the store says what is wrong with it
    in_documents = documents.BEGINNING.match(head)
    if not in_documents and not protobuf.is_binary(head):
        return path
    copy = spool / f"{abs(hash(path))}" / path.name.removesuffix(".gz").removesuffix(".zst")
    copy.parent.mkdir(exist_ok=True)
    with opened(path) as file, copy.open("w", encoding="utf-8") as out:
        lines = _of_documents(file) if in_documents else _of_protobuf(file, head)
        out.writelines(f"{line}\n" for line in lines)
    return copy


def opened(path: Path) -> BinaryIO:
    """Open a file for reading, uncompressed if what it begins with says that it is compressed."""
    with path.open("rb") as file:
        start = file.read(len(ZSTD))
    if start.startswith(GZIP):
        return gzip.open(path)  # type: ignore[return-value]  # it reads as one
    if start == ZSTD:
        return zstandard.ZstdDecompressor().stream_reader(path.open("rb"), read_across_frames=True, closefd=True)
    return path.open("rb")


def _of_documents(file: BinaryIO) -> Iterator[str]:
    text = bytearray()
    try:
        while part := file.read(1 << 20):
            text += part
    except BROKEN:
        yield DAMAGED_LINE
    for request in documents.requests(text.decode("utf-8", "replace")):
        yield DAMAGED_LINE if request is None else json.dumps(request)


def _of_protobuf(file: BinaryIO, head: bytes) -> Iterator[str]:
    try:
        yield from protobuf.lines(file, head)
    except BROKEN:
        yield DAMAGED_LINE
