"""Where telemetry is read from. A source only has to provide files of OTLP JSON lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_eda.diagnosis import UnusableError
from otel_eda.diagnosis.settings import MOST_SPANS

from .selection import Selection, last_hour

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from otel_eda.diagnosis.store import Source

CLICKHOUSE, SPARK = "clickhouse://", "spark://"


def find(places: Iterable[str], selection: Selection, most_spans: int = MOST_SPANS) -> Iterator[Source]:
    """Yield the source of each place: a URL is a ClickHouse's, a Jaeger's or a page of it, `-` is standard input.

    All else is files. A Jaeger and a ClickHouse are asked for what is selected; of other sources it has to be selected
    when they have been read. A ClickHouse may have `most_spans` in that time.
    """
    from .files import Files
    from .jaeger import at_url
    from .stdin import Stdin

    for place in places:
        if place.startswith(SPARK):
            raise UnusableError(f"{place}: only `otel-eda diagnose` asks Spark; its folder can be read without it")
        if place.startswith(CLICKHOUSE):
            yield _clickhouse(place, selection, most_spans)
        elif place.startswith(("http://", "https://")):
            yield at_url(place, selection)
        else:
            yield Stdin() if place == "-" else Files(place)


def selected(
    places: Iterable[str], services: Sequence[str], since: datetime | None, until: datetime | None
) -> Selection:
    """Return what is to be read of some places: of a ClickHouse no more than the last hour, if nothing else is said."""
    if any(place.startswith(CLICKHOUSE) for place in places):
        return Selection(services, *last_hour(since, until))
    return Selection(services, since, until)


def watched_clickhouse(place: str) -> tuple[str, Callable[[datetime, datetime], Source]]:
    """Return a ClickHouse's name, and what gives it as a source of a time, in which there may be nothing yet."""
    from .clickhouse_address import address

    def source(since: datetime, until: datetime) -> Source:
        return _clickhouse(place, Selection((), since, until), MOST_SPANS, may_be_empty=True)

    return address(place).name, source


def _clickhouse(place: str, selection: Selection, most_spans: int, *, may_be_empty: bool = False) -> Source:
    try:
        from .clickhouse import ClickHouse
    except ModuleNotFoundError as error:
        raise UnusableError(f"{error}: pip install 'otel-eda[clickhouse]'") from error
    since, until = last_hour(selection.since, selection.until)
    return ClickHouse(place, since, until, most_spans, may_be_empty=may_be_empty)
