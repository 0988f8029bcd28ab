"""Reads telemetry and says which events were lost, duplicated, late, out of order or failed, and why, with the proof.

`sources` provide files of OTLP JSON lines, `load` makes tables of them, `checks` query the tables, `gates` tell how far
each answer is proven, `reports` show the findings. Nothing here knows a client library.
"""

from __future__ import annotations

CLEAN, FOUND, UNUSABLE = 0, 1, 2  # exit statuses of a command: nothing was found, something was, it could not run


class UnusableError(Exception):
    """Nothing can be diagnosed, for the reason in the text: the command ends with status 2."""


def plural(number: int, what: str) -> str:
    """Return a number with a noun, in the plural where it has to be."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
