"""`otel-eda trace`."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from otel_eda.diagnosis import UnusableError

from . import CLEAN, guarded, loaded, sources

if TYPE_CHECKING:
    import argparse

    from otel_eda.diagnosis.store import Store

POSITION = re.compile(r"(?P<destination>.+)/(?P<partition>[^/@]+)[/@](?P<offset>\d+)")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("id", metavar="ID", help="a trace id, a message id, or topic/partition/offset")
    sources(parser)


@guarded
def run(options: argparse.Namespace) -> int:
    """Print an event's spans."""
    from otel_eda.diagnosis import trace
    from otel_eda.diagnosis.reports.trace import write

    with loaded(options) as store:
        spans = trace.find(store, traces(store, options.id))
    if not spans:
        raise UnusableError(f"{options.id}: nothing of this event is here")
    write(spans, sys.stdout)
    return CLEAN


def traces(store: Store, name: str) -> list[str]:
    """Give the traces that an event's name means."""
    place = POSITION.fullmatch(name)
    if place:
        found = store.ask(
            """SELECT DISTINCT trace_id FROM operations
               WHERE destination = ? AND partition_id = ? AND message_offset = ?""",
            place["destination"],
            place["partition"],
            int(place["offset"]),
        )
    else:
        found = store.ask(
            """SELECT DISTINCT trace_id FROM operations
               WHERE trace_id = lower($1) OR message_id = $1 OR span_id = lower($1)""",
            name,
        )
    return [row[0] for row in found]
