"""Reads telemetry and says which events were lost, duplicated, late, out of order or failed, and why, with the proof.

`sources` give files of OTLP JSON lines, `load` makes tables of them, `checks` ask the tables, `gates` say how far each
answer is proven, `reports` show the findings. Nothing here knows a client library.
"""

from __future__ import annotations

CLEAN, FOUND, UNUSABLE = 0, 1, 2  # exit statuses of a command: nothing was found, something was, it could not run


class UnusableError(Exception):
    """There is nothing to diagnose, for the reason given: the command ends with status 2."""


def plural(number: int, what: str) -> str:
    """Write a number of things."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
