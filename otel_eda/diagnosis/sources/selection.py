"""What is to be read of telemetry: some services, a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from difflib import get_close_matches
from typing import TYPE_CHECKING

from otel_eda.diagnosis import UnusableError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

USUAL_WINDOW = timedelta(hours=1)
MOST_NAMES = 20  # of services, in a line


@dataclass(frozen=True)
class Selection:
    """Some services, or all if none is named, and a time, of which either end may be open."""

    services: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        if self.since and self.until and self.since >= self.until:
            raise UnusableError("--since must be before --until")


def last_hour(since: datetime | None, until: datetime | None) -> tuple[datetime, datetime]:
    """Return a time of which both ends are known: without a begin the hour before the end, without an end until now."""
    until = until or datetime.now(timezone.utc)
    return since or until - USUAL_WINDOW, until


def check(services: Collection[str], there: Collection[str], where: str) -> None:
    """Raise `UnusableError` if one of some services is not among those that are there."""
    for name in services:
        if name not in there:
            likely = [*get_close_matches(name, there, MOST_NAMES, 0.5), *sorted(filter(None, there))]
            names = ", ".join(list(dict.fromkeys(likely))[:MOST_NAMES])
            raise UnusableError(f"{where}there is no service {name}; there is {names or 'none at all'}")
