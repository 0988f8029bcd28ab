"""Text of the outside and for the outside: what an encoding lacks is written as the nearest that it has."""

from __future__ import annotations

import codecs
import io
import os
import re
import sys
from typing import TextIO

NAME = "otel_eda.nearest"
OTHERS = "←→▸…“”\N{RIGHT SINGLE QUOTATION MARK}\N{EN DASH}—\N{MINUS SIGN}\N{MULTIPLICATION SIGN}·•─━│┃├└\ufffd"
SURROGATES = re.compile("[\ud800-\udfff]")  # what Python makes of a byte that is not UTF-8
NEAREST = str.maketrans(OTHERS, '<>>.""\'---x.*--|||`?')


def open_closed() -> None:
    """Open each standard stream that the process was started without, so that what is printed goes nowhere."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w", encoding="utf-8"))  # noqa: SIM115


def valid(value: object) -> str:
    """Return a value's text without those bytes of a file's name or an argument that are not UTF-8."""
    return SURROGATES.sub("\N{REPLACEMENT CHARACTER}", str(value))


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
