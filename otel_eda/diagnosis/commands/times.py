"""Times on a command line: points in time, and lengths of time with their units."""

import re
from datetime import datetime, timedelta, timezone

from typer import BadParameter

UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ms|s|m|h|d)")
LENGTH = re.compile(f"(?:{PART.pattern})+")
LONGEST = timedelta(days=36_500).total_seconds()  # that a length of time may be


def moment(value: str | datetime) -> datetime:
    """Return the time that an ISO time, or how long ago it was, stands for."""
    if isinstance(value, datetime):
        return value
    if LENGTH.fullmatch(value):
        return datetime.now(timezone.utc) - timedelta(seconds=seconds(value))
    try:
        read = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        raise BadParameter(f"{value!r} is no ISO time, and not like 30m, 2h, 1d (ago)") from None
    return read if read.tzinfo else read.astimezone()


def length(value: str | float) -> float:
    """Return the seconds that a length of time stands for, which must be more than none."""
    found = seconds(value)
    if not found:
        raise BadParameter("it must be more than 0")
    return found


def seconds(value: str | float) -> float:
    """Return the seconds that a length of time stands for: a number of them, or as 500ms, 30s, 5m, 1h30m, 2d."""
    if isinstance(value, (float, int)):
        return value
    if LENGTH.fullmatch(value):
        found = sum(
            float(number) * timedelta(**{UNITS[unit]: 1}).total_seconds() for number, unit in PART.findall(value)
        )
    else:
        found = _number(value)
    if not 0 <= found <= LONGEST:
        raise BadParameter("it must be within a hundred years")
    return found


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise BadParameter(f"{value!r} is no length of time: write it like 500ms, 30s, 5m, 2h or 1d") from None
