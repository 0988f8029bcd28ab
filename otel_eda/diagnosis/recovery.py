"""Recovers what is readable in a file that DuckDB cannot read: one cut off, one huge document, one huge line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .sources.formats import BROKEN, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LINE_BYTES = 8 << 20  # DuckDB takes lines of twice as many
DOCUMENT_BYTES = 256 << 20
PART_ITEMS = 500  # spans, metrics or log records of a line
LEVELS = (
    ("resourceSpans", "scopeSpans", "spans"),
    ("resourceMetrics", "scopeMetrics", "metrics"),
    ("resourceLogs", "scopeLogs", "logRecords"),
)


def recover(path: Path, spool: Path) -> tuple[Path, bool]:
    """Copy what is readable to a file of short lines; return that file, and whether the original breaks off."""
    copy, broken = spool / f"{abs(hash(path))}-{path.stem}.jsonl", False
    with opened(path) as file, copy.open("wb") as out:
        try:
            for line in file:
                out.writelines(_short_lines(line))
        except BROKEN:
            broken = True
            out.write(b"\n")
    return copy, broken


def split_documents(path: Path, spool: Path) -> Path:
    """Copy JSON documents of several lines each to a file with a document a line; of any other file, copy nothing."""
    copy = spool / f"{abs(hash(path))}-{path.stem}.documents.jsonl"
    with copy.open("wb") as out:
        for document in _documents(path):
            out.writelines(_parts(document))
    return copy


def _documents(path: Path) -> Iterator[Any]:
    """Yield the documents of a file, and those in a list, up to the first that makes no sense."""
    try:
        with opened(path) as file:
            text = file.read(DOCUMENT_BYTES).decode("utf-8", "replace").lstrip()
    except BROKEN:
        return
    decoder = json.JSONDecoder()
    while text:
        try:
            document, end = decoder.raw_decode(text)
        except (ValueError, RecursionError):
            return
        yield from document if isinstance(document, list) else [document]
        text = text[end:].lstrip()


def _short_lines(line: bytes) -> Iterator[bytes]:
    if len(line) <= LINE_BYTES:
        yield line
        return
    try:
        yield from _parts(json.loads(line))
    except (ValueError, RecursionError):
        yield b"{\n"  # counted as one damaged line


def _parts(document: Any) -> Iterator[bytes]:
    """Yield a request as lines of few items each."""
    found = False
    for top, scopes, items in LEVELS:
        for resource in _list(document, top):
            for scope in _list(resource, scopes):
                all_items = _list(scope, items)
                for start in range(0, len(all_items), PART_ITEMS):
                    found = True
                    part = {**scope, items: all_items[start : start + PART_ITEMS]}
                    yield json.dumps({top: [{**resource, scopes: [part]}]}).encode() + b"\n"
    if not found:
        yield b"{}\n"


def _list(holder: Any, name: str) -> list[Any]:
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if isinstance(value, list) else []
