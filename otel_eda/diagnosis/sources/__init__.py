"""Where telemetry is read from. A source only has to provide files of OTLP JSON lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path


class Source(Protocol):
    """One place that telemetry is read from."""

    def files(self, spool: Path) -> Iterator[Path]:
        """Yield files of OTLP JSON lines, written to `spool` if they are nowhere else; raises `UnusableError`."""


def find(places: Iterable[str], services: Sequence[str], since: datetime, until: datetime) -> Iterator[Source]:
    """Return the source of each place: a URL is a Jaeger query endpoint, `-` is standard input, all else is files.

    `services` (all if none is named), `since` and `until` are what a Jaeger is asked for.
    """
    from .files import Files
    from .jaeger import Jaeger
    from .stdin import Stdin

    for place in places:
        if place.startswith(("http://", "https://")):
            yield Jaeger(place, services, since, until)
        else:
            yield Stdin() if place == "-" else Files(place)
