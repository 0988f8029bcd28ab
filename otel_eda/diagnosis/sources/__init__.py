"""Where telemetry is read from. A source only has to provide files of OTLP JSON lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator
    from pathlib import Path


class Source(Protocol):
    """One place that telemetry is read from."""

    def files(self, spool: Path) -> Iterator[Path]:
        """Yield files of OTLP JSON lines, written to `spool` if they are nowhere else; raises `UnusableError`."""


def find(places: Iterable[str], options: argparse.Namespace) -> Iterator[Source]:
    """Yield the source of each place: a URL is a Jaeger query endpoint, `-` is standard input, all else is files."""
    from .files import Files
    from .jaeger import Jaeger
    from .stdin import Stdin

    for place in places:
        if place.startswith(("http://", "https://")):
            yield Jaeger(place, options.service, options.since, options.until)
        else:
            yield Stdin() if place == "-" else Files(place)
