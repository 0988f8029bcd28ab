"""Where telemetry is read from. A source only has to provide files of OTLP JSON lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from otel_eda.diagnosis.store import Source

    from .selection import Selection


def find(places: Iterable[str], selection: Selection) -> Iterator[Source]:
    """Yield the source of each place: a URL is a Jaeger's or a page of it, `-` is standard input, all else is files.

    A Jaeger is asked for what is selected; of other sources it has to be selected when they have been read.
    """
    from .files import Files
    from .jaeger import at_url
    from .stdin import Stdin

    for place in places:
        if place.startswith(("http://", "https://")):
            yield at_url(place, selection)
        else:
            yield Stdin() if place == "-" else Files(place)
