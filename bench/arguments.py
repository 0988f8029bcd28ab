"""The numbers of a command line."""

from __future__ import annotations

from argparse import ArgumentTypeError


def positive(text: str) -> int:
    """Return a whole number above zero; raises `ArgumentTypeError` for any other text."""
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError(f"give a whole number above zero, not {text!r}")
    return int(text)
