"""What can still be read of a file that cannot be read as it is: cut off, one huge document, one huge line."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO

import zstandard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LONGEST = 8 << 20  # bytes of a line; DuckDB takes twice as many
LARGEST = 256 << 20  # bytes of a document that is no line
PIECE = 500  # spans
BROKEN = (EOFError, OSError, zlib.error, zstandard.ZstdError)
LEVELS = (
    ("resourceSpans", "scopeSpans", "spans"),
    ("resourceMetrics", "scopeMetrics", "metrics"),
    ("resourceLogs", "scopeLogs", "logRecords"),
)


def salvage(path: Path, spool: Path) -> tuple[Path, bool]:
    """Copy what is readable to a file of short lines; tells also whether the file broke off."""
    copy, broken = spool / f"{abs(hash(path))}-{path.stem}.jsonl", False
    with _opened(path) as file, copy.open("wb") as out:
        try:
            for line in file:
                out.writelines(_short(line))
        except BROKEN:
            broken = True
            out.write(b"\n")
    return copy, broken


def documents(path: Path, spool: Path) -> Path:
    """Copy a file of JSON documents, each of several lines, to one with each on a line; nothing of any other file."""
    copy = spool / f"{abs(hash(path))}-{path.stem}.documents.jsonl"
    with copy.open("wb") as out:
        for document in _documents(path):
            out.writelines(_pieces(document))
    return copy


def _documents(path: Path) -> Iterator[Any]:
    with _opened(path) as file:
        text = file.read(LARGEST).decode("utf-8", "replace").lstrip()
    decoder = json.JSONDecoder()
    while text:
        try:
            document, end = decoder.raw_decode(text)
        except ValueError:
            return
        yield document
        text = text[end:].lstrip()


def _opened(path: Path) -> BinaryIO:
    if path.name.endswith(".gz"):
        return gzip.open(path)  # type: ignore[return-value]  # it reads as one
    if path.name.endswith(".zst"):
        return zstandard.open(path, "rb")  # type: ignore[no-any-return]
    return path.open("rb")


def _short(line: bytes) -> Iterator[bytes]:
    if len(line) <= LONGEST:
        yield line
        return
    try:
        yield from _pieces(json.loads(line))
    except ValueError:
        yield b"{\n"  # a damaged line, and counted as one


def _pieces(document: Any) -> Iterator[bytes]:
    """Split a request into lines of few items each."""
    found = False
    for top, scopes, items in LEVELS:
        for resource in _list(document, top):
            for scope in _list(resource, scopes):
                every = _list(scope, items)
                for start in range(0, len(every), PIECE):
                    found = True
                    part = {**scope, items: every[start : start + PIECE]}
                    yield json.dumps({top: [{**resource, scopes: [part]}]}).encode() + b"\n"
    if not found:
        yield b"null\n"


def _list(holder: Any, name: str) -> list[Any]:
    found = holder.get(name) if isinstance(holder, dict) else None
    return found if isinstance(found, list) else []
