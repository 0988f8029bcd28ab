"""Times as people say them."""

from __future__ import annotations

from datetime import datetime, timezone


def between(earliest: float, latest: float, now: float) -> str:
    """Return an interval in words, with the day where that is another one than today; in seconds since 1970."""
    begin, end = clock(earliest, now), clock(latest, now)
    return f"at {begin} UTC" if begin == end else f"between {begin} and {end} UTC"


def clock(time: float, now: float) -> str:
    """Return a time of the day, with the day where that is not today's."""
    then, today = (datetime.fromtimestamp(moment, timezone.utc) for moment in (time, now))
    return then.strftime("%H:%M" if then.date() == today.date() else "%Y-%m-%d %H:%M")
