"""Prints in any locale: what an encoding lacks is written as the nearest that it has."""

from __future__ import annotations

import codecs
import io
from typing import TextIO

NAME = "otel_eda.nearest"
OTHERS = "←→▸…“”\N{RIGHT SINGLE QUOTATION MARK}\N{EN DASH}—\N{MINUS SIGN}\N{MULTIPLICATION SIGN}·•─━│┃├└\ufffd"
NEAREST = str.maketrans(OTHERS, '<>>.""\'---x.*--|||`?')


def print_anywhere(*streams: TextIO) -> None:
    """Have no character be an error of these streams; the nearest is one letter for one, so that columns stay."""
    codecs.register_error(NAME, _nearest)
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper) and codecs.lookup(stream.encoding).name != "utf-8":
            stream.reconfigure(errors=NAME)


def _nearest(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    wanted = error.object[error.start : error.end].translate(NEAREST)
    return wanted.encode(error.encoding, "backslashreplace").decode(error.encoding), error.end
