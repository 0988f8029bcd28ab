"""Reads telemetry and says which events were lost, duplicated, late, out of order or failed, and why, with the proof.

`sources` provide files of OTLP JSON lines, `load` makes tables of them, `checks` query the tables, `gates` tell how far
each answer is proven, `reports` show the findings. Nothing here knows a client library.
"""

from __future__ import annotations

# Exit statuses of a command: nothing was found, something was, it could not run, some checks could not.
CLEAN, FOUND, UNUSABLE, PARTLY = 0, 1, 2, 3


class UnusableError(Exception):
    """Nothing can be diagnosed, for the reason in the text: the command ends with status 2."""


class BusyError(Exception):
    """Another run does the same already, as the text says: the command leaves it to that and ends with status 0."""


class LimitError(Exception):
    """A statement would take more than it may, for the reason in the text: what it is for is not done, all else is."""


def plural(number: int, what: str) -> str:
    """Return a number with a noun, in the plural where it has to be."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
